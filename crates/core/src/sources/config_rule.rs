//! AWS Config rule verdict on a resource, as an EventBridge event.
//!
//! Source of the shape: AWS Config developer guide, "Monitoring AWS Config with Amazon EventBridge".

use serde::Deserialize;

use crate::event::Time;

/// A changed verdict of a rule on a resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleChange {
    /// The resource's id in AWS Config.
    pub resource_id: String,
    /// The resource's type, for example `AWS::S3::Bucket`.
    #[serde(default)]
    pub resource_type: String,
    /// The resource's Region.
    #[serde(default)]
    pub aws_region: String,
    /// The resource's account, 12 digits.
    pub aws_account_id: String,
    /// The rule's name.
    pub config_rule_name: String,
    /// The new verdict.
    pub new_evaluation_result: Evaluation,
    /// The earlier verdict, if any.
    pub old_evaluation_result: Option<Evaluation>,
}

/// A verdict of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// `COMPLIANT`, `NON_COMPLIANT`, `NOT_APPLICABLE` or `INSUFFICIENT_DATA`.
    pub compliance_type: String,
    result_recorded_time: String,
    /// The rule's own explanation.
    #[serde(default)]
    pub annotation: Option<String>,
}

impl Evaluation {
    /// Whether the resource is non-compliant.
    pub fn is_broken(&self) -> bool {
        self.compliance_type == "NON_COMPLIANT"
    }

    /// Time of the verdict; `None` if it cannot be parsed.
    pub fn time(&self) -> Option<Time> {
        Time::parse(&self.result_recorded_time)
    }
}

impl RuleChange {
    /// Parses the `detail` of AWS Config's event; `None` if it is not one.
    pub fn read(detail: &str) -> Option<Self> {
        serde_json::from_str(detail).ok()
    }

    /// Whether the verdict is about this account, the envelope's.
    pub fn is_of(&self, account: &str) -> bool {
        self.aws_account_id == account
    }

    /// Time of the new verdict; `None` if it cannot be parsed.
    pub fn time(&self) -> Option<Time> {
        self.new_evaluation_result.time()
    }
}
