//! A verdict of an AWS Config rule on a resource, as EventBridge brings it.
//!
//! The shape is AWS Config's, "Monitoring AWS Config with Amazon EventBridge" of its developer guide.

use serde::Deserialize;

use crate::event::Time;

/// A rule's verdict on a resource has changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleChange {
    /// The resource, as AWS Config names it.
    pub resource_id: String,
    /// Its type, `AWS::S3::Bucket`.
    #[serde(default)]
    pub resource_type: String,
    /// Its Region.
    #[serde(default)]
    pub aws_region: String,
    /// Its account, 12 digits.
    pub aws_account_id: String,
    /// The rule.
    pub config_rule_name: String,
    /// The verdict from now on.
    pub new_evaluation_result: Evaluation,
    /// The verdict before, if there was one.
    pub old_evaluation_result: Option<Evaluation>,
}

/// One verdict of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// `COMPLIANT`, `NON_COMPLIANT`, `NOT_APPLICABLE` or `INSUFFICIENT_DATA`.
    pub compliance_type: String,
    result_recorded_time: String,
    /// The rule's own reason.
    #[serde(default)]
    pub annotation: Option<String>,
}

impl Evaluation {
    /// Whether the resource breaks the rule.
    pub fn is_broken(&self) -> bool {
        self.compliance_type == "NON_COMPLIANT"
    }

    /// When it was given; `None` if that is no time.
    pub fn time(&self) -> Option<Time> {
        Time::parse(&self.result_recorded_time)
    }
}

impl RuleChange {
    /// Reads AWS Config's event, the part under `detail`; `None` if it is none.
    pub fn read(detail: &str) -> Option<Self> {
        serde_json::from_str(detail).ok()
    }

    /// Is it about this account, as its envelope says?
    pub fn is_of(&self, account: &str) -> bool {
        self.aws_account_id == account
    }

    /// When it was given.
    pub fn time(&self) -> Option<Time> {
        self.new_evaluation_result.time()
    }
}
