"""Security Hub's own rules for a finding, which the emulator does not enforce.

Source: the service model of botocore 1.43 (`AwsSecurityFinding`) and "Required top-level ASFF attributes" and
"BatchImportFindings" of the Security Hub user guide.
"""

import json
import re
from datetime import datetime

REQUIRED = ["SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title",
            "Description", "Resources", "Severity"]
LONGEST = {"Id": 512, "GeneratorId": 512, "Title": 256, "Description": 1024, "ProductArn": 2048, "CompanyName": 128,
           "ProductName": 128}
BANDS = {"INFORMATIONAL": (0, 0), "LOW": (1, 39), "MEDIUM": (40, 69), "HIGH": (70, 89), "CRITICAL": (90, 100)}
NAMESPACES = {"Software and Configuration Checks", "TTPs", "Effects", "Unusual Behaviors",
              "Sensitive Data Identifications"}
PRODUCT_ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):securityhub:([a-z0-9-]+):(\d{12}):product/(\d{12})/default")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)")
LARGEST = 240 * 1024
# One call takes so many findings.
BATCH = 100
STATUS = {"PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"}


def complaints_about_import(body, account, region):
    """What Security Hub would not take of a request to import findings (its bytes)."""
    findings = json.loads(body).get("Findings", [])
    if not 1 <= len(findings) <= BATCH:
        return [f"{len(findings)} findings in one call"]
    found = [complaint for finding in findings for complaint in complaints(finding, account, region)]
    ids = [finding.get("Id") for finding in findings]
    return found + [f"{id_}: twice in one call" for id_ in set(ids) if ids.count(id_) > 1]


def complaints(finding, account, region):
    """What is wrong with a finding that this account imports; empty if it is well."""
    rules = (required, lengths, product, times, severity, types, provider_fields, resources, fields, choices, size)
    name = finding.get("Id", "a finding without id")
    return [f"{name}: {complaint}" for rule in rules for complaint in rule(finding, account, region)]


def required(finding, *_):
    for name in REQUIRED:
        if not finding.get(name):
            yield f"{name} is missing"
    if finding.get("SchemaVersion") != "2018-10-08":
        yield "SchemaVersion is not 2018-10-08"


def lengths(finding, *_):
    for name, longest in LONGEST.items():
        text = finding.get(name)
        if text is not None and not (isinstance(text, str) and text.strip() and len(text) <= longest):
            yield f"{name} is blank or longer than {longest} characters"
    advice = finding.get("Remediation", {}).get("Recommendation", {})
    if len(advice.get("Text", "-")) > 512 or not advice.get("Text", "-").strip():
        yield "the recommendation is blank or longer than 512 characters"
    if "Url" in advice and not advice["Url"].startswith("https://"):
        yield "the recommendation's URL is none"


def product(finding, account, region):
    """The default product may only be used by the account whose findings they are."""
    if finding.get("AwsAccountId") != account:
        yield f"AwsAccountId {finding.get('AwsAccountId')} is not the importing account {account}"
    found = PRODUCT_ARN.fullmatch(finding.get("ProductArn", ""))
    if not found:
        yield "ProductArn is not the default product's"
    elif (found[2], found[3], found[4]) != (region, account, account):
        yield f"ProductArn is not of {account} in {region}"


def times(finding, *_):
    read = {}
    for name in ("FirstObservedAt", "LastObservedAt", "CreatedAt", "UpdatedAt"):
        if name in finding and not STAMP.fullmatch(finding[name]):
            yield f"{name} is no time: {finding[name]}"
        elif name in finding:
            read[name] = datetime.fromisoformat(finding[name])
    for earlier, later in (("FirstObservedAt", "LastObservedAt"), ("CreatedAt", "UpdatedAt")):
        if {earlier, later} <= read.keys() and read[earlier] > read[later]:
            yield f"{earlier} is later than {later}"


def severity(finding, *_):
    of = finding.get("Severity", {})
    label, normalized = of.get("Label"), of.get("Normalized")
    if label not in BANDS:
        yield f"no severity: {label}"
    elif normalized is not None and not BANDS[label][0] <= normalized <= BANDS[label][1]:
        yield f"severity {label} does not hold {normalized}"
    yield from original(of)


def original(severity_):
    if "Original" in severity_ and not 1 <= len(severity_["Original"].strip()) <= 64:
        yield "Severity.Original is blank or longer than 64 characters"


def types(finding, *_):
    yield from types_of(finding.get("Types", []))


def types_of(listed):
    if len(listed) > 50:
        yield f"{len(listed)} types"
    for one in listed:
        parts = one.split("/")
        if parts[0] not in NAMESPACES or len(parts) > 3 or not all(part.strip() for part in parts):
            yield f"no finding type: {one}"


def provider_fields(finding, *_):
    """What a provider says must be there: an update changes nothing else, and it must say the same as the finding."""
    of = finding.get("FindingProviderFields")
    if not of:
        yield "FindingProviderFields is missing"
        return
    if of.get("Severity", {}).get("Label") != finding.get("Severity", {}).get("Label"):
        yield "the provider's severity differs from the finding's"
    if of.get("Types") != finding.get("Types"):
        yield "the provider's types differ from the finding's"
    if of.get("Confidence") != finding.get("Confidence"):
        yield "the provider's confidence differs from the finding's"
    yield from original(of.get("Severity", {}))
    yield from types_of(of.get("Types", []))


def resources(finding, *_):
    listed = finding.get("Resources", [])
    if not 1 <= len(listed) <= 32:
        yield f"{len(listed)} resources"
    for resource in listed:
        if not 1 <= len(resource.get("Type", "")) <= 256 or not 1 <= len(resource.get("Id", "").strip()) <= 512:
            yield f"a resource without type or id, or with one too long: {resource}"
        if resource.get("Partition", "aws") not in ("aws", "aws-cn", "aws-us-gov"):
            yield f"no partition: {resource['Partition']}"
        if not 1 <= len(resource.get("Region", "-")) <= 16:
            yield f"no Region: {resource['Region']}"


def fields(finding, *_):
    of = finding.get("ProductFields", {})
    if len(of) > 50:
        yield f"{len(of)} product fields"
    for key, value in of.items():
        if not 1 <= len(key) <= 128 or not 1 <= len(value.strip()) or len(value) > 2048:
            yield f"product field {key} is blank or too long"
        if key.startswith("aws/"):
            yield f"product field {key} is in AWS's own namespace"


def choices(finding, *_):
    if finding.get("RecordState", "ACTIVE") not in ("ACTIVE", "ARCHIVED"):
        yield f"no record state: {finding['RecordState']}"
    for name in ("Confidence", "Criticality"):
        if name in finding and not (isinstance(finding[name], int) and 0 <= finding[name] <= 100):
            yield f"{name} is not within 0 and 100"
    if "Compliance" in finding and finding["Compliance"].get("Status") not in STATUS:
        yield f"no compliance status: {finding['Compliance'].get('Status')}"
    related = finding.get("Compliance", {}).get("RelatedRequirements", [])
    if len(related) > 32 or not all(1 <= len(one.strip()) and len(one) <= 64 for one in related):
        yield f"{len(related)} related requirements, or one is blank or too long"
    if {"Workflow", "Note", "UserDefinedFields", "VerificationState"} & finding.keys():
        yield "fields that belong to the customer are ignored on update"


def size(finding, *_):
    length = len(json.dumps(finding, separators=(",", ":"), ensure_ascii=False).encode())
    if length > LARGEST:
        yield f"{length} bytes"
