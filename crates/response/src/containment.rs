//! Containment by kind of principal: what AWS allows, from which account, who else is hit, and what remains.
//!
//! Sources: IAM user guide, "Revoking IAM role temporary security credentials" and "Disabling permissions for temporary
//! security credentials"; IAM Identity Center user guide, "Revoke active IAM role sessions created by permission sets" and
//! "Use a Deny policy to revoke active user permissions"; IAM user guide, "Centrally manage root access for member accounts".

use super::Action;
use trailwarden_core::{
    event::{PrincipalKind, account_of, is_role_of_single_sign_on, is_service_role, role_name},
    finding::Finding,
    settings::Directory,
};

/// How one kind of principal can be stopped.
pub struct Containment {
    /// What can be done by us.
    pub actions: fn(&Finding, Option<&Directory>) -> Vec<Action>,
    /// From which account, in words.
    pub from: &'static str,
    /// What people have to do; `PRINCIPAL` stands for whose doing it is.
    pub next_steps: &'static [&'static str],
    /// Who else is hit.
    pub hits: &'static str,
    /// What remains at risk.
    pub remains: &'static str,
}

/// Of whoever a finding is about; people behind Identity Center can be reached where the settings have a directory.
pub fn containment(finding: &Finding, directory: Option<&Directory>) -> &'static Containment {
    match finding.principal_kind {
        PrincipalKind::User => &USER,
        PrincipalKind::Role => &ROLE,
        PrincipalKind::Workload => &WORKLOAD,
        PrincipalKind::Person | PrincipalKind::IdentityCenter => {
            if denial(finding, directory).is_empty() {
                &PERSON
            } else {
                &DENIABLE
            }
        }
        PrincipalKind::Root => &ROOT,
        PrincipalKind::Federated => &FEDERATED,
        PrincipalKind::ExternalAccount => &EXTERNAL,
        PrincipalKind::Anonymous | PrincipalKind::Service | PrincipalKind::Unknown => &NOBODY,
    }
}

/// Nobody can edit the roles of services and of Identity Center in IAM.
fn role_sessions(finding: &Finding, _: Option<&Directory>) -> Vec<Action> {
    role_name(&finding.principal)
        .filter(|_| !is_service_role(&finding.principal) && !is_role_of_single_sign_on(&finding.principal))
        .map(|role| Action::RevokeRoleSessions { role: role.to_owned() })
        .into_iter()
        .collect()
}

const USER: Containment = Containment {
    actions: |finding, _| {
        let user = finding.principal.rsplit('/').next().unwrap_or_default().to_owned();
        vec![
            Action::DeactivateKeys { user: user.clone() },
            Action::RevokeUserSessions { user: user.clone() },
            Action::QuarantineUser { user },
        ]
    },
    from: "the user's account",
    next_steps: &[
        "Ask the owner of PRINCIPAL whether it was them, by another way than e-mail",
        "Give PRINCIPAL a new password, MFA device and keys once it is theirs again; better, a role instead of keys",
    ],
    hits: "Everybody and every program that uses the keys or the password of PRINCIPAL stops working.",
    remains: "Policies take effect after some seconds, in all Regions after some minutes; roles that the user assumed before keep their own sessions; what resource policies allow this user by name is denied too, but not what they allow everybody.",
};

const ROLE: Containment = Containment {
    actions: role_sessions,
    from: "the role's account",
    next_steps: &[
        "Find out who assumed PRINCIPAL, and contain them where this plan does not: they can assume it again at once",
        "Narrow the trust policy of PRINCIPAL to those who need it",
    ],
    hits: "All sessions of PRINCIPAL end, also those of innocents; they can assume it again.",
    remains: "Whoever may assume the role can do so again; sessions of roles assumed from it live on.",
};

const WORKLOAD: Containment = Containment {
    actions: role_sessions,
    from: "the role's account",
    next_steps: &[
        "Isolate the machine: a security group without rules, then take a snapshot of its disk for evidence",
        "Demand version 2 of the instance metadata service, with a hop limit of 1",
        "Find out how its credentials left it, and close that before it runs again",
    ],
    hits: "All machines and tasks that run as this role lose their sessions; those of the metadata service are renewed within hours, or by a restart.",
    remains: "A machine that is still held gives its holder new credentials, issued after the denial: only isolating it helps.",
};

/// Service control policies do not bind the management account: whoever is at work there is not stopped by one. Nor is
/// anybody denied for a session of another account than the one it acted in: it may be of somebody else's Identity Center.
fn denial(finding: &Finding, directory: Option<&Directory>) -> Vec<Action> {
    let home = account_of(&finding.principal);
    let is_within = |directory: &&Directory| match finding.principal_kind {
        PrincipalKind::Person => home == Some(&finding.account_id) && home != Some(&directory.account),
        _ => true,
    };
    let deny = |directory: &Directory| Action::DenyPerson {
        person: person(&finding.principal).to_owned(),
        directory: directory.clone(),
    };
    directory.filter(is_within).map(deny).into_iter().collect()
}

/// What somebody behind Identity Center is called, in whatever session: by their user name, or by the ARN of a user of the
/// store, of whom only the id is known.
fn person(principal: &str) -> &str {
    if principal.contains(":identitystore:") {
        return principal;
    }
    principal.rsplit('/').next().unwrap_or_default()
}

const PERSON: Containment = Containment {
    actions: |_, _| Vec::new(),
    from: "the organisation's management account, or Identity Center's delegated administrator",
    next_steps: &[
        END_SESSIONS,
        "Deny what its role sessions still may: in a service control policy or the permission set's inline policy, Deny * with the condition identitystore:userId; roles AWSReservedSSO_* cannot be edited in IAM",
        ASK,
    ],
    hits: "Only this person, if the denial names its user id.",
    remains: "Role sessions live on for up to twelve hours unless they are denied; keys and users that the person made stay.",
};

/// A person whom the organisation's service control policy can deny.
const DENIABLE: Containment = Containment {
    actions: denial,
    from: "the organisation's management account",
    next_steps: &[END_SESSIONS, ASK],
    hits: "Only this person, in the member accounts that the policy is attached to: all, if that is the organisation's root.",
    remains: "The management account is bound by no service control policy, nor an account that this one is not attached to; roles that the person took on from its own keep their sessions; keys and users that the person made stay.",
};

const END_SESSIONS: &str = "In Identity Center, disable the user behind PRINCIPAL and end its sessions (console: Users, Active sessions); with an outside identity provider, there too";
const ASK: &str = "Ask the person whether it was them, by another way than e-mail";

const ROOT: Containment = Containment {
    actions: |_, _| Vec::new(),
    from: "the account itself, or the management account by central management of root access",
    next_steps: &[
        "Sign in as root with its mailbox, change password and MFA device, delete its access keys",
        "In a member account: remove root's credentials from the management account (IAM, Root access management), and deny root by a service control policy",
        "Secure the mailbox that root's password is reset by",
    ],
    hits: "Nobody who does their daily work.",
    remains: "No IAM policy binds root; a service control policy binds it in member accounts only.",
};

const FEDERATED: Containment = Containment {
    actions: |_, _| Vec::new(),
    from: "the account of the role or user that issued the session, and the identity provider",
    next_steps: &[
        "End the person's session at the identity provider, and disable the account there",
        "Revoke the sessions of the role or user that PRINCIPAL came by",
        "A token of GetFederationToken lives on when the key it came from is deactivated: deny the user by the time tokens were issued",
    ],
    hits: "All sessions that came by the same role or user.",
    remains: "Sessions that were issued live until they end, unless they are denied.",
};

const EXTERNAL: Containment = Containment {
    actions: |_, _| Vec::new(),
    from: "the account that owns what was reached",
    next_steps: &[
        "Find what lets the account in (trust policies, resource policies, shares), and take it out there",
        "Ask AWS Trust & Safety, if it is nobody you know",
    ],
    hits: "Everybody of that account, also a vendor at work.",
    remains: "Another account's identities cannot be stopped, only shut out; what they copied is gone.",
};

const NOBODY: Containment = Containment {
    actions: |_, _| Vec::new(),
    from: "the account that owns what was reached",
    next_steps: &[
        "Block the addresses where they arrive (a web firewall, a network rule, a policy by aws:SourceIp)",
    ],
    hits: "Whoever shares the addresses.",
    remains: "An attacker changes addresses; accounts whose password was guessed are open until it is changed.",
};
