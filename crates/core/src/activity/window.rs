//! The 24 hours up to one: what a detector looks at.

use super::{Group, Hour, Scope, SignIn};
use crate::event::{Principal, Time};

/// Hours of a window.
pub(crate) const SPAN: u32 = 24;

/// The hours of one scope from 23 hours before `hour` to `hour`, nothing later.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Whose.
    pub scope: &'a Scope,
    /// Who, where the scope is a principal.
    pub principal: Option<&'a Principal>,
    /// The hour judged, since 1970.
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

    /// The hours of the day (UTC) that `hour` is in.
    pub fn today(&self) -> &'a [(u32, Hour)] {
        let midnight = self.hour - self.hour % SPAN;
        &self.hours[self.hours.partition_point(|(hour, _)| *hour < midnight)..]
    }

    /// What somebody acted in an account as today, that others may act as too.
    pub fn part_in(&self, account: &str) -> Option<&'a str> {
        self.today().iter().rev().find_map(|(_, hour)| hour.part_in(self.scope, account))
    }

    /// The hour judged.
    pub fn now(&self) -> &'a Hour {
        &self.hours[self.hours.len() - 1].1
    }

    /// The day's acts in groups of like ones, with their hour.
    pub fn groups(&self) -> impl Iterator<Item = (u32, &'a Group)> {
        self.today().iter().flat_map(|(hour, folded)| folded.acts.groups().map(|group| (*hour, group)))
    }

    /// Failed sign-ins of the 24 hours, with their time.
    pub fn failed_sign_ins(&self) -> impl Iterator<Item = (Time, &'a SignIn)> {
        self.hours.iter().flat_map(|(hour, folded)| {
            folded.failed_sign_ins.values().map(|sign_in| (sign_in.time(*hour), sign_in))
        })
    }

    /// Successful sign-ins of the 24 hours, with their time.
    pub fn sign_ins(&self) -> impl Iterator<Item = (Time, &'a SignIn)> {
        self.hours
            .iter()
            .flat_map(|(hour, folded)| folded.sign_ins.values().map(|sign_in| (sign_in.time(*hour), sign_in)))
    }

    /// How many failed sign-ins there were in the 24 hours; an estimate beyond 64 an hour.
    pub fn failed_sign_in_count(&self) -> f64 {
        self.hours.iter().map(|(_, hour)| hour.failed_sign_ins.distinct()).sum()
    }

    /// How many events of a kind there were in `hours`; an estimate where an hour had more than its sample.
    pub fn count(hours: &[(u32, Hour)], is_counted: impl Fn(&super::Trace) -> bool) -> f64 {
        hours
            .iter()
            .map(|(_, hour)| {
                hour.events.values().filter(|trace| is_counted(trace)).count() as f64 * hour.events.scale()
            })
            .sum()
    }
}
