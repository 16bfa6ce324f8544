use super::*;

fn principal(json: &str) -> Principal {
    serde_json::from_str::<Identity<'_>>(json).unwrap().principal("111122223333")
}

#[test]
fn an_instance_keeps_its_role_whatever_its_session() {
    let json = r#"{"type":"AssumedRole","arn":"arn:aws:sts::444455556666:assumed-role/web/i-0123456789abcdef0",
        "sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::444455556666:role/app/web"}}}"#;
    let principal = principal(json);
    assert_eq!(&*principal.id, "arn:aws:iam::444455556666:role/app/web");
    assert_eq!(principal.kind, PrincipalKind::Workload);
    assert_eq!((&*principal.account_id, &*principal.name), ("444455556666", "web"));
}

#[test]
fn a_role_without_issuer_is_read_from_the_session_arn() {
    let role = principal(
        r#"{"type":"AssumedRole","arn":"arn:aws:sts::444455556666:assumed-role/web/me","sessionContext":{"sessionIssuer":{}}}"#,
    );
    assert_eq!((&*role.id, role.kind), ("arn:aws:iam::444455556666:role/web", PrincipalKind::Role));
}

#[test]
fn a_person_behind_single_sign_on_keeps_the_session_arn() {
    let arn = "arn:aws:sts::444455556666:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/kim@example.com";
    let person = principal(&format!(r#"{{"type":"AssumedRole","arn":"{arn}"}}"#));
    assert_eq!((&*person.id, person.kind), (arn, PrincipalKind::Person));
}

#[test]
fn a_role_that_is_only_called_like_one_of_single_sign_on_makes_nobody_a_person() {
    let kind = |path: &str| {
        let role = "AWSReservedSSO_Admin_0123456789abcdef";
        principal(&format!(
            r#"{{"type":"AssumedRole","arn":"arn:aws:sts::444455556666:assumed-role/{role}/kim@example.com",
            "sessionContext":{{"sessionIssuer":{{"arn":"arn:aws:iam::444455556666:role/{path}{role}"}}}}}}"#
        ))
        .kind
    };
    assert_eq!(kind("aws-reserved/sso.amazonaws.com/eu-west-1/"), PrincipalKind::Person);
    assert_eq!(kind(""), PrincipalKind::Role);
    assert_eq!(kind("people/"), PrincipalKind::Role);
    // IAM accepts any ASCII character in a path.
    assert_eq!(kind("x:role/aws-reserved/sso.amazonaws.com/"), PrincipalKind::Role);
    assert_eq!(kind("x:role/aws-service-role/y/"), PrincipalKind::Role);
    assert_eq!(kind("aws-service-role/x.amazonaws.com/"), PrincipalKind::Service);
}

#[test]
fn a_service_is_told_by_the_path_of_its_role_not_by_the_name() {
    let is_linked = |path: &str| {
        let json = format!(
            r#"{{"type":"AssumedRole","arn":"arn:aws:sts::444455556666:assumed-role/AWSServiceRoleForConfig/x",
            "sessionContext":{{"sessionIssuer":{{"arn":"arn:aws:iam::444455556666:role/{path}AWSServiceRoleForConfig"}}}}}}"#
        );
        serde_json::from_str::<Identity<'_>>(&json).unwrap().is_linked_service()
    };
    assert!(is_linked("aws-service-role/config.amazonaws.com/"));
    assert!(!is_linked("") && !is_linked("x:role/aws-service-role/"));
}

#[test]
fn a_failed_sign_in_without_arn_is_the_users() {
    let user =
        principal(r#"{"type":"IAMUser","accountId":"111122223333","accessKeyId":"","userName":"kim"}"#);
    assert_eq!(&*user.id, "arn:aws:iam::111122223333:user/kim");
}

#[test]
fn identity_center_users_are_known_by_user_id() {
    let person = principal(
        r#"{"type":"IdentityCenterUser","onBehalfOf":{"userId":"54482488-1","identityStoreArn":"arn:x"}}"#,
    );
    assert_eq!(
        (&*person.id, person.kind),
        ("arn:aws:identitystore:::user/54482488-1", PrincipalKind::IdentityCenter)
    );
}

#[test]
fn nobody_other_accounts_and_aws_itself_are_told_apart() {
    let kinds = [
        (
            r#"{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}"#,
            PrincipalKind::Anonymous,
        ),
        (
            r#"{"type":"AWSAccount","principalId":"AIDA1","accountId":"444455556666"}"#,
            PrincipalKind::ExternalAccount,
        ),
        (r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#, PrincipalKind::Service),
        (r#"{"invokedBy":"ec2.amazonaws.com"}"#, PrincipalKind::Service),
        (r#"{"type":"Root","accountId":"111122223333"}"#, PrincipalKind::Root),
        (r#"{"type":"SAMLUser","userName":"kim","identityProvider":"idp"}"#, PrincipalKind::Federated),
        ("{}", PrincipalKind::Unknown),
    ];
    for (json, kind) in kinds {
        assert_eq!(principal(json).kind, kind, "{json}");
    }
}

#[test]
fn what_changes_the_principal_changes_its_key() {
    let key = |json: &str| serde_json::from_str::<Identity<'_>>(json).unwrap().key("1");
    assert_ne!(key(r#"{"type":"IAMUser","userName":"a"}"#), key(r#"{"type":"IAMUser","userName":"b"}"#));
    assert_ne!(key(r#"{"type":"IAMUser","userName":"a"}"#), key(r#"{"type":"Root","userName":"a"}"#));
}
