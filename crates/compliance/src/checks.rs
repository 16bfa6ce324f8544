//! Registry of all checks. Each file holds one check: data sheet, function and tests.

mod access_key_too_old;
mod activity_outside_regions;
mod administrator_granted;
mod audit_log_deleted;
mod audit_log_retention;
mod backup_destroyed;
mod break_glass_use;
mod change_outside_window;
mod data_left_region;
mod data_shared_outside;
mod database_made_public;
mod encryption_switched_off;
mod guard_rail_removed;
mod key_deletion;
mod logging_weakened;
mod made_public;
mod mfa_removed;
mod monitoring_disabled;
mod network_opened;
mod outside_trust;
mod password_policy_weak;
mod password_set_for_another;
mod privileged_call_without_mfa;
mod protected_data_from_elsewhere;
mod protected_data_outsider;
mod protected_tag_removed;
mod public_access_block_removed;
mod retention_lock_removed;
mod root_key_created;
mod root_use;
mod root_without_mfa;
mod secret_rotation_stopped;
mod self_approved_change;
mod self_granted_access;
mod shared_identity;
mod sign_in_without_mfa;
#[cfg(test)]
mod testing;
mod unencrypted_store_created;

use super::Check;

pub(super) use self::{
    access_key_too_old::CHECK as ACCESS_KEY_TOO_OLD,
    activity_outside_regions::CHECK as ACTIVITY_OUTSIDE_REGIONS,
    administrator_granted::CHECK as ADMINISTRATOR_GRANTED, audit_log_deleted::CHECK as AUDIT_LOG_DELETED,
    audit_log_retention::CHECK as AUDIT_LOG_RETENTION, backup_destroyed::CHECK as BACKUP_DESTROYED,
    break_glass_use::CHECK as BREAK_GLASS_USE, change_outside_window::CHECK as CHANGE_OUTSIDE_WINDOW,
    data_left_region::CHECK as DATA_LEFT_REGION, data_shared_outside::CHECK as DATA_SHARED_OUTSIDE,
    database_made_public::CHECK as DATABASE_MADE_PUBLIC,
    encryption_switched_off::CHECK as ENCRYPTION_SWITCHED_OFF,
    guard_rail_removed::CHECK as GUARD_RAIL_REMOVED, key_deletion::CHECK as KEY_DELETION,
    logging_weakened::CHECK as LOGGING_WEAKENED, made_public::CHECK as MADE_PUBLIC,
    mfa_removed::CHECK as MFA_REMOVED, monitoring_disabled::CHECK as MONITORING_DISABLED,
    network_opened::CHECK as NETWORK_OPENED, outside_trust::CHECK as OUTSIDE_TRUST,
    password_policy_weak::CHECK as PASSWORD_POLICY_WEAK,
    password_set_for_another::CHECK as PASSWORD_SET_FOR_ANOTHER,
    privileged_call_without_mfa::CHECK as PRIVILEGED_CALL_WITHOUT_MFA,
    protected_data_from_elsewhere::CHECK as PROTECTED_DATA_FROM_ELSEWHERE,
    protected_data_outsider::CHECK as PROTECTED_DATA_OUTSIDER,
    protected_tag_removed::CHECK as PROTECTED_TAG_REMOVED,
    public_access_block_removed::CHECK as PUBLIC_ACCESS_BLOCK_REMOVED,
    retention_lock_removed::CHECK as RETENTION_LOCK_REMOVED, root_key_created::CHECK as ROOT_KEY_CREATED,
    root_use::CHECK as ROOT_USE, root_without_mfa::CHECK as ROOT_WITHOUT_MFA,
    secret_rotation_stopped::CHECK as SECRET_ROTATION_STOPPED,
    self_approved_change::CHECK as SELF_APPROVED_CHANGE, self_granted_access::CHECK as SELF_GRANTED_ACCESS,
    shared_identity::CHECK as SHARED_IDENTITY, sign_in_without_mfa::CHECK as SIGN_IN_WITHOUT_MFA,
    unencrypted_store_created::CHECK as UNENCRYPTED_STORE_CREATED,
};

/// All checks, sorted by id.
pub const ALL: &[&Check] = &[
    &ACCESS_KEY_TOO_OLD,
    &ACTIVITY_OUTSIDE_REGIONS,
    &ADMINISTRATOR_GRANTED,
    &AUDIT_LOG_DELETED,
    &AUDIT_LOG_RETENTION,
    &BACKUP_DESTROYED,
    &BREAK_GLASS_USE,
    &CHANGE_OUTSIDE_WINDOW,
    &DATA_LEFT_REGION,
    &DATA_SHARED_OUTSIDE,
    &DATABASE_MADE_PUBLIC,
    &ENCRYPTION_SWITCHED_OFF,
    &GUARD_RAIL_REMOVED,
    &KEY_DELETION,
    &LOGGING_WEAKENED,
    &MADE_PUBLIC,
    &MFA_REMOVED,
    &MONITORING_DISABLED,
    &NETWORK_OPENED,
    &OUTSIDE_TRUST,
    &PASSWORD_POLICY_WEAK,
    &PASSWORD_SET_FOR_ANOTHER,
    &PRIVILEGED_CALL_WITHOUT_MFA,
    &PROTECTED_DATA_FROM_ELSEWHERE,
    &PROTECTED_DATA_OUTSIDER,
    &PROTECTED_TAG_REMOVED,
    &PUBLIC_ACCESS_BLOCK_REMOVED,
    &RETENTION_LOCK_REMOVED,
    &ROOT_KEY_CREATED,
    &ROOT_USE,
    &ROOT_WITHOUT_MFA,
    &SECRET_ROTATION_STOPPED,
    &SELF_APPROVED_CHANGE,
    &SELF_GRANTED_ACCESS,
    &SHARED_IDENTITY,
    &SIGN_IN_WITHOUT_MFA,
    &UNENCRYPTED_STORE_CREATED,
];
