//! Window of 24 hours: the input of a detector.

use super::{Group, Hour, Scope, SignIn};
use crate::event::{Principal, Time};

/// Hours in a window.
pub(crate) const SPAN: u32 = 24;

/// The hours of one scope from 23 hours before `hour` up to `hour`; nothing later.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The scope.
    pub scope: &'a Scope,
    /// The principal, where the scope is an identity.
    pub principal: Option<&'a Principal>,
    /// The judged hour, since 1970.
    pub hour: u32,
    /// The hours with activity, ascending; the last is `hour`.
    pub hours: &'a [(u32, Hour)],
}

impl<'a> Window<'a> {
    /// The window that ends with the hour at `index` of `hours` (ascending).
    pub fn ending_at(
        scope: &'a Scope,
        principal: Option<&'a Principal>,
        hours: &'a [(u32, Hour)],
        index: usize,
    ) -> Self {
        let hour = hours[index].0;
        let first = hours[..=index].partition_point(|(other, _)| other + SPAN <= hour);
        Self { scope, principal, hour, hours: &hours[first..=index] }
    }

    /// The hours of the UTC day of `hour`, up to `hour`.
    pub fn today(&self) -> &'a [(u32, Hour)] {
        let midnight = self.hour - self.hour % SPAN;
        &self.hours[self.hours.partition_point(|(hour, _)| *hour < midnight)..]
    }

    /// The part somebody acted as in an account today, which others may hold too: permission set or role
    /// name.
    pub fn part_in(&self, account: &str) -> Option<&'a str> {
        self.today().iter().rev().find_map(|(_, hour)| hour.part_in(self.scope, account))
    }

    /// The activity of the judged hour.
    pub fn now(&self) -> &'a Hour {
        &self.hours[self.hours.len() - 1].1
    }

    /// Today's groups of like acts, each with its hour.
    pub fn groups(&self) -> impl Iterator<Item = (u32, &'a Group)> {
        self.today().iter().flat_map(|(hour, folded)| folded.acts.groups().map(|group| (*hour, group)))
    }

    /// Failed sign-ins of the 24 hours, each with its time.
    pub fn failed_sign_ins(&self) -> impl Iterator<Item = (Time, &'a SignIn)> {
        self.hours.iter().flat_map(|(hour, folded)| {
            folded.failed_sign_ins.values().map(|sign_in| (sign_in.time(*hour), sign_in))
        })
    }

    /// Successful sign-ins of the 24 hours, each with its time.
    pub fn sign_ins(&self) -> impl Iterator<Item = (Time, &'a SignIn)> {
        self.hours
            .iter()
            .flat_map(|(hour, folded)| folded.sign_ins.values().map(|sign_in| (sign_in.time(*hour), sign_in)))
    }

    /// Number of failed sign-ins of the 24 hours; an estimate where an hour has more than 64.
    pub fn failed_sign_in_count(&self) -> f64 {
        self.hours.iter().map(|(_, hour)| hour.failed_sign_ins.distinct()).sum()
    }

    /// Number of events in `hours` that `is_counted` selects; an estimate where an hour has more than its
    /// sample.
    pub fn count(hours: &[(u32, Hour)], is_counted: impl Fn(&super::Trace) -> bool) -> f64 {
        hours
            .iter()
            .map(|(_, hour)| {
                hour.events.values().filter(|trace| is_counted(trace)).count() as f64 * hour.events.scale()
            })
            .sum()
    }
}
