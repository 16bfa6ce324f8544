"""What a call to AWS says and costs, read from its bytes as they pass.

IAM is granted by action and paid for by the unit, so both are read here as AWS counts them: the SDKs for Rust speak
JSON to DynamoDB, SQS and EventBridge, forms to SNS, and plain HTTP to S3 and Security Hub.
"""

import base64
import json
import math
import re
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/([^/]+)/([^/]+)/aws4_request")
CBOR = re.compile(r"/service/[^/]+/operation/([^/?]+)")
KB = 1024
DENIALS = (b"AccessDenied", b"AuthorizationError", b"UnauthorizedOperation")


@dataclass
class Call:
    """One request of a function, and what came of it."""

    service: str
    action: str
    access_key: str = ""
    function: str = ""
    resource: str = ""
    request: bytes = field(default=b"", repr=False)
    answer: bytes = field(default=b"", repr=False)
    asked: dict = field(default_factory=dict, repr=False)
    sent_bytes: int = 0
    items: int = 1
    # 0 if the call never reached AWS.
    status: int = 0
    at: float = field(default_factory=time.time)
    seconds: float = 0.0
    fault: str = ""
    denied: bool = False
    read_units: float = 0.0
    write_units: float = 0.0
    request_units: int = 0
    written: list = field(default_factory=list, repr=False)

    def forget_bodies(self):
        """Bodies are large: they go once everything is read from them."""
        self.request, self.answer, self.asked, self.sent_bytes = b"", b"", {}, len(self.request) or self.sent_bytes


def read_call(method, path, headers, body):
    """A call from its request. `headers` is a mapping that ignores case."""
    found = CREDENTIAL.search(headers.get("Authorization") or "")
    key, service = (found[1], found[3]) if found else ("", "?")
    call = Call(service, "", key, request=body, sent_bytes=len(body))
    call.action = action_of(service, method, path, headers, body)
    call.asked = asked_of(body)
    call.resource = resource_of(service, path, call.asked, body)
    call.items = items_of(call.asked)
    call.request_units = request_units(call)
    return call


def action_of(service, method, path, headers, body):
    """The action's name as IAM has it."""
    if target := headers.get("X-Amz-Target"):
        return target.rpartition(".")[2]
    if found := CBOR.search(path):
        return found[1]
    if service == "s3":
        return s3_action(method, path)
    if service == "securityhub":
        routes = {"/findings/import": "BatchImportFindings", "/findings/batchupdate": "BatchUpdateFindings"}
        return routes.get(urlsplit(path).path, "GetFindings" if path == "/findings" else f"{method} {path}")
    if service == "guardduty":
        return {"GET": "GetDetector", "POST": "UpdateDetector"}.get(method, f"{method} {path}")
    return parse_qs(body.decode("utf-8", "replace")).get("Action", [f"{method} {path}"])[0]


def s3_action(method, path):
    """Objects have a bucket and a key; to look at an object's head needs the right to get it."""
    parts = urlsplit(path)
    _, _, key = parts.path.lstrip("/").partition("/")
    if key:
        names = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
        return names.get(method, f"{method} object")
    if "publicAccessBlock" in parts.query:
        return "GetBucketPublicAccessBlock" if method == "GET" else "PutBucketPublicAccessBlock"
    if method == "POST" and "delete" in parts.query:
        return "DeleteObject"
    return {"GET": "ListBucket", "HEAD": "ListBucket"}.get(method, f"{method} bucket")


def resource_of(service, path, asked, body):
    """What the call is about: a queue's, table's, bus's or topic's name, a bucket and key."""
    if service == "s3":
        return unquote(urlsplit(path).path).strip("/")
    if "Entries" in asked and "QueueUrl" not in asked:
        return asked["Entries"][0].get("EventBusName", "default").rpartition("/")[2]
    form = parse_qs(body.decode("utf-8", "replace")) if service == "sns" else {}
    name = asked.get("QueueUrl") or asked.get("TableName") or form.get("TopicArn", [""])[0]
    name = name or next(iter(asked.get("RequestItems") or {}), "")
    return re.split("[/:]", name)[-1]


def asked_of(body):
    """The request as JSON; nothing for the protocols that have none."""
    try:
        asked = json.loads(body) if body[:1] == b"{" else {}
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def items_of(asked):
    """How many things one call carries: messages, events, findings, keys."""
    for name in ("Entries", "Findings", "TransactItems"):
        if isinstance(asked.get(name), list):
            return len(asked[name])
    tables = asked.get("RequestItems") or {}
    return sum(len(of["Keys"] if isinstance(of, dict) else of) for of in tables.values()) or 1


def request_units(call):
    """SQS charges a call, and EventBridge each event, by every 64 KB begun."""
    units = lambda size: max(1, math.ceil(size / (64 * KB)))
    if call.service == "sqs":
        entries = call.asked.get("Entries") or [call.asked]
        return units(sum(len(entry.get("MessageBody", "").encode()) for entry in entries if isinstance(entry, dict)))
    if call.action == "PutEvents":
        return sum(units(len(entry.get("Detail", "").encode())) for entry in call.asked.get("Entries", []))
    return 1


def answered(call, status, body):
    """Adds the answer: whether it was a refusal, and what the call cost."""
    call.status, call.answer = status, body
    call.denied = status in (400, 403) and any(word in body[:2000] for word in DENIALS) or status == 403
    call.seconds = time.time() - call.at
    if call.service == "dynamodb" and not call.denied:
        cost(call, asked_of(body))


def cost(call, answer):
    """Capacity units of a DynamoDB call, as on-demand tables are billed."""
    asked = call.asked
    if call.action == "PutItem":
        write(call, asked.get("Item", {}))
    elif call.action in ("UpdateItem", "DeleteItem"):
        call.write_units += 1
    elif call.action == "BatchWriteItem":
        for request in [request for table in asked["RequestItems"].values() for request in table]:
            write(call, request.get("PutRequest", {}).get("Item", {}))
    elif call.action == "TransactWriteItems":
        for request in asked["TransactItems"]:
            write(call, request.get("Put", {}).get("Item", {}), times=2)
    elif call.action == "GetItem":
        call.read_units = read_units(item_bytes(answer.get("Item", {})), asked.get("ConsistentRead"))
    elif call.action in ("Query", "Scan"):
        call.read_units = read_units(sum(map(item_bytes, answer.get("Items", []))), asked.get("ConsistentRead"))
    elif call.action == "BatchGetItem" and call.status == 200:
        batch_get(call, answer)


def write(call, item, times=1):
    """A write of an item, and of its entry in the index if it is listed there."""
    size = item_bytes(item)
    units = max(1, math.ceil(size / KB))
    call.write_units += times * (units + (1 if "ipk" in item else 0))
    if item:
        call.written.append((kind_of(item), size))


def batch_get(call, answer):
    """Every key is rounded up by itself, those without an item too."""
    for table, of in call.asked["RequestItems"].items():
        found = answer.get("Responses", {}).get(table, [])
        units = [read_units(item_bytes(item), of.get("ConsistentRead")) for item in found]
        missing = len(of["Keys"]) - len(found)
        call.read_units += sum(units) + missing * read_units(0, of.get("ConsistentRead"))


def read_units(size, is_consistent):
    return max(1, math.ceil(size / (4 * KB))) * (1 if is_consistent else 0.5)


def kind_of(item):
    """What an item is, by its keys: HOUR, BASELINE, FINDING, ACT, DUE and so on."""
    partition, sort = (item.get(key, {}).get("S", "?") for key in ("pk", "sk"))
    return "DUE" if partition.startswith("DUE#") else sort.partition("#")[0]


def item_bytes(item):
    """An item's size by DynamoDB's rule: names and values."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value):
    ((kind, of),) = value.items()
    if kind == "S":
        return len(of.encode())
    if kind == "N":
        return number_bytes(of)
    if kind == "B":
        return len(base64.b64decode(of))
    if kind == "L":
        return 3 + sum(1 + value_bytes(one) for one in of)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + value_bytes(one) for name, one in of.items())
    return sum(value_bytes({kind[0]: one}) for one in of) if kind in ("SS", "NS", "BS") else 1


def number_bytes(text):
    """One byte for two digits, and one more."""
    return math.ceil(len(text.strip("-").replace(".", "").strip("0")) / 2) + 1
