//! Client names: the part of a user agent that stays the same from day to day.

/// The client's name, for example `aws-cli (linux)`, `browser (mac)` or `console`; at most 48 bytes.
///
/// Versions are dropped, since programs are updated. The operating system is kept, since a thief seldom uses
/// the victim's.
pub fn client(user_agent: &str) -> String {
    if user_agent.is_empty() {
        return "unknown".to_owned();
    }
    if is_service(user_agent) {
        return "console".to_owned();
    }
    let name = match user_agent {
        agent if agent.starts_with("Mozilla/") => "browser",
        agent if agent.contains("Terraform") || agent.contains("HashiCorp") => "Terraform",
        agent if agent.contains("Pulumi") => "Pulumi",
        agent => agent.split(['/', ' ']).next().unwrap_or_default(),
    };
    let name = crate::event::clip(name, 32);
    match system(user_agent) {
        "" => name.to_owned(),
        system => format!("{name} ({system})"),
    }
}

/// AWS's own hosts and consoles call on the user's behalf.
fn is_service(user_agent: &str) -> bool {
    user_agent.ends_with(".amazonaws.com")
        || user_agent.starts_with("AWS Internal")
        || user_agent.starts_with("S3Console")
        || user_agent.starts_with("aws-internal")
        || user_agent.contains("Console,")
}

fn system(user_agent: &str) -> &'static str {
    let agent = user_agent.to_ascii_lowercase();
    [
        ("windows", "windows"),
        ("macos", "mac"),
        ("darwin", "mac"),
        ("macintosh", "mac"),
        ("android", "android"),
        ("iphone", "ios"),
        ("linux", "linux"),
    ]
    .into_iter()
    .find_map(|(word, system)| agent.contains(word).then_some(system))
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_and_systems_stay() {
        assert_eq!(client("aws-cli/2.13.0 Python/3.11.4 Linux/5.10 exe/x86_64"), "aws-cli (linux)");
        assert_eq!(client("aws-cli/2.15.1 md/awscrt#0.19 ua/2.0 os/macos#23.1"), "aws-cli (mac)");
        assert_eq!(client("Mozilla/5.0 (Windows NT 10.0; Win64; x64)"), "browser (windows)");
        assert_eq!(client("APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io)"), "Terraform");
        assert_eq!(client("console.ec2.amazonaws.com"), "console");
        assert_eq!(client(""), "unknown");
    }

    #[test]
    fn a_hostile_agent_stays_short() {
        assert!(client(&"é".repeat(10_000)).len() <= 48);
    }
}
