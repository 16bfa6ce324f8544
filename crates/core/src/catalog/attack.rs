//! MITRE ATT&CK tactics, and the techniques that the catalogue and detectors use.
//!
//! Source: ATT&CK for Enterprise, cloud (IaaS) matrix, version 17; ids, names and tactics are MITRE's.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ATT&CK tactic. Serialises as its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are ATT&CK's")]
pub enum Tactic {
    #[serde(rename = "TA0043")]
    Reconnaissance,
    #[serde(rename = "TA0001")]
    InitialAccess,
    #[serde(rename = "TA0002")]
    Execution,
    #[serde(rename = "TA0003")]
    Persistence,
    #[serde(rename = "TA0004")]
    PrivilegeEscalation,
    #[serde(rename = "TA0005")]
    DefenseEvasion,
    #[serde(rename = "TA0006")]
    CredentialAccess,
    #[serde(rename = "TA0007")]
    Discovery,
    #[serde(rename = "TA0008")]
    LateralMovement,
    #[serde(rename = "TA0009")]
    Collection,
    #[serde(rename = "TA0010")]
    Exfiltration,
    #[serde(rename = "TA0040")]
    Impact,
}

impl Tactic {
    /// ATT&CK's name of the tactic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reconnaissance => "Reconnaissance",
            Self::InitialAccess => "Initial Access",
            Self::Execution => "Execution",
            Self::Persistence => "Persistence",
            Self::PrivilegeEscalation => "Privilege Escalation",
            Self::DefenseEvasion => "Defense Evasion",
            Self::CredentialAccess => "Credential Access",
            Self::Discovery => "Discovery",
            Self::LateralMovement => "Lateral Movement",
            Self::Collection => "Collection",
            Self::Exfiltration => "Exfiltration",
            Self::Impact => "Impact",
        }
    }
}

/// An ATT&CK technique, by its id. Serialises as the id; only ids in [`TECHNIQUES`] deserialise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Technique(&'static str);

impl Technique {
    /// The technique with this id, if it is in [`TECHNIQUES`].
    pub fn find(id: &str) -> Option<Self> {
        TECHNIQUES.iter().find(|(known, ..)| *known == id).map(|(known, ..)| Self(known))
    }

    /// The technique with this id; a test checks that it is in [`TECHNIQUES`].
    pub(crate) const fn new(id: &'static str) -> Self {
        Self(id)
    }

    /// The id, for example `T1098.001`.
    pub const fn id(self) -> &'static str {
        self.0
    }

    /// ATT&CK's name of the technique.
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |(_, name, _)| name)
    }

    /// The main tactic of the technique, as the catalogue uses it.
    pub fn tactic(self) -> Tactic {
        self.entry().map_or(Tactic::Discovery, |(.., tactic)| *tactic)
    }

    fn entry(self) -> Option<&'static (&'static str, &'static str, Tactic)> {
        TECHNIQUES.iter().find(|(id, ..)| *id == self.0)
    }
}

impl Serialize for Technique {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Technique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::find(&id).ok_or_else(|| serde::de::Error::custom("not a known technique"))
    }
}

use Tactic::{
    Collection, CredentialAccess, DefenseEvasion, Discovery, Execution, Exfiltration, Impact, InitialAccess,
    LateralMovement, Persistence, PrivilegeEscalation,
};

/// Id, name and main tactic of each technique.
pub const TECHNIQUES: &[(&str, &str, Tactic)] = &[
    ("T1020", "Automated Exfiltration", Exfiltration),
    ("T1021.004", "Remote Services: SSH", LateralMovement),
    ("T1021.007", "Remote Services: Cloud Services", LateralMovement),
    ("T1021.008", "Remote Services: Direct Cloud VM Connections", LateralMovement),
    ("T1040", "Network Sniffing", CredentialAccess),
    ("T1059.009", "Command and Scripting Interpreter: Cloud API", Execution),
    ("T1069.003", "Permission Groups Discovery: Cloud Groups", Discovery),
    ("T1078.004", "Valid Accounts: Cloud Accounts", InitialAccess),
    ("T1087.004", "Account Discovery: Cloud Account", Discovery),
    ("T1098", "Account Manipulation", Persistence),
    ("T1098.001", "Account Manipulation: Additional Cloud Credentials", Persistence),
    ("T1098.003", "Account Manipulation: Additional Cloud Roles", PrivilegeEscalation),
    ("T1098.004", "Account Manipulation: SSH Authorized Keys", Persistence),
    ("T1110", "Brute Force", CredentialAccess),
    ("T1110.003", "Brute Force: Password Spraying", CredentialAccess),
    ("T1110.004", "Brute Force: Credential Stuffing", CredentialAccess),
    ("T1133", "External Remote Services", Persistence),
    ("T1136.003", "Create Account: Cloud Account", Persistence),
    ("T1190", "Exploit Public-Facing Application", InitialAccess),
    ("T1484.001", "Domain or Tenant Policy Modification: Group Policy Modification", PrivilegeEscalation),
    ("T1484.002", "Domain or Tenant Policy Modification: Trust Modification", Persistence),
    ("T1485", "Data Destruction", Impact),
    ("T1486", "Data Encrypted for Impact", Impact),
    ("T1489", "Service Stop", Impact),
    ("T1490", "Inhibit System Recovery", Impact),
    ("T1496.001", "Resource Hijacking: Compute Hijacking", Impact),
    ("T1496.004", "Resource Hijacking: Cloud Service Hijacking", Impact),
    ("T1526", "Cloud Service Discovery", Discovery),
    ("T1530", "Data from Cloud Storage", Collection),
    ("T1531", "Account Access Removal", Impact),
    ("T1535", "Unused/Unsupported Cloud Regions", DefenseEvasion),
    ("T1537", "Transfer Data to Cloud Account", Exfiltration),
    ("T1546", "Event Triggered Execution", Persistence),
    ("T1548.005", "Abuse Elevation Control Mechanism: Temporary Elevated Cloud Access", PrivilegeEscalation),
    ("T1550.001", "Use Alternate Authentication Material: Application Access Token", LateralMovement),
    ("T1552", "Unsecured Credentials", CredentialAccess),
    ("T1552.001", "Unsecured Credentials: Credentials In Files", CredentialAccess),
    ("T1552.005", "Unsecured Credentials: Cloud Instance Metadata API", CredentialAccess),
    ("T1552.007", "Unsecured Credentials: Container API", CredentialAccess),
    ("T1555.006", "Credentials from Password Stores: Cloud Secrets Management Stores", CredentialAccess),
    ("T1556.006", "Modify Authentication Process: Multi-Factor Authentication", Persistence),
    ("T1556.009", "Modify Authentication Process: Conditional Access Policies", DefenseEvasion),
    ("T1562.001", "Impair Defenses: Disable or Modify Tools", DefenseEvasion),
    ("T1562.007", "Impair Defenses: Disable or Modify Cloud Firewall", DefenseEvasion),
    ("T1562.008", "Impair Defenses: Disable or Modify Cloud Logs", DefenseEvasion),
    ("T1565.001", "Data Manipulation: Stored Data Manipulation", Impact),
    ("T1567", "Exfiltration Over Web Service", Exfiltration),
    ("T1567.002", "Exfiltration Over Web Service: Exfiltration to Cloud Storage", Exfiltration),
    ("T1578.001", "Modify Cloud Compute Infrastructure: Create Snapshot", DefenseEvasion),
    ("T1578.002", "Modify Cloud Compute Infrastructure: Create Cloud Instance", DefenseEvasion),
    ("T1578.005", "Modify Cloud Compute Infrastructure: Modify Cloud Compute Configurations", DefenseEvasion),
    ("T1580", "Cloud Infrastructure Discovery", Discovery),
    ("T1599", "Network Boundary Bridging", DefenseEvasion),
    ("T1606.002", "Forge Web Credentials: SAML Tokens", CredentialAccess),
    ("T1619", "Cloud Storage Object Discovery", Discovery),
    ("T1621", "Multi-Factor Authentication Request Generation", CredentialAccess),
    ("T1648", "Serverless Execution", Execution),
    ("T1651", "Cloud Administration Command", Execution),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_sorted_and_unique() {
        assert!(TECHNIQUES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_technique_serialises_as_its_id() {
        let text = serde_json::to_string(&Technique::new("T1098.001")).unwrap();
        assert_eq!(text, "\"T1098.001\"");
        assert_eq!(
            serde_json::from_str::<Technique>(&text).unwrap().name(),
            "Account Manipulation: Additional Cloud Credentials"
        );
        assert!(serde_json::from_str::<Technique>("\"T9999\"").is_err());
        assert_eq!(serde_json::to_string(&Tactic::Persistence).unwrap(), "\"TA0003\"");
    }
}
