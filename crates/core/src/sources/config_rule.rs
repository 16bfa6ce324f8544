//! A verdict of an AWS Config rule on a resource, as EventBridge brings it.
//!
//! The shape is AWS Config's, "Monitoring AWS Config with Amazon EventBridge" of its developer guide.

use serde::Deserialize;

use crate::event::Time;

/// A rule's verdict on a resource has changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleChange {
    pub(crate) resource_id: String,
    #[serde(default)]
    pub(crate) resource_type: String,
    #[serde(default)]
    pub(crate) aws_region: String,
    pub(crate) aws_account_id: String,
    pub(crate) config_rule_name: String,
    pub(crate) new_evaluation_result: Evaluation,
    pub(crate) old_evaluation_result: Option<Evaluation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Evaluation {
    pub(crate) compliance_type: String,
    result_recorded_time: String,
    #[serde(default)]
    pub(crate) annotation: Option<String>,
}

impl Evaluation {
    pub(crate) fn is_broken(&self) -> bool {
        self.compliance_type == "NON_COMPLIANT"
    }

    pub(crate) fn time(&self) -> Option<Time> {
        Time::parse(&self.result_recorded_time)
    }
}

impl RuleChange {
    /// Reads AWS Config's event, the part under `detail`; `None` if it is none.
    pub(crate) fn read(detail: &str) -> Option<Self> {
        serde_json::from_str(detail).ok()
    }

    /// Is it about this account, as its envelope says?
    pub(crate) fn is_of(&self, account: &str) -> bool {
        self.aws_account_id == account
    }

    /// When it was given.
    pub fn time(&self) -> Option<Time> {
        self.new_evaluation_result.time()
    }
}
