//! The series of the calendar: the next due of each kind and list, and how many there are. So their number follows from
//! how many lists there are, not from how many certificates.

use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_governance::calendar::{Due, count, soonest};
use ctl_serve::family::Page;

ctl_serve::families! {
    DUE: Gauge "ctl_due_timestamp_seconds" ["kind", "list", "subject"]
        "Unix time of the next thing that ends or is due, of each kind and list; list is empty where it is about no list alone.";
    DUES: Gauge "ctl_dues" ["kind", "list", "urgency"]
        "How many things end or are due, by kind and list: overdue, soon (it is time to act), or later.";
}

/// Writes all of them; dues in their order.
pub(super) fn write(page: &mut Page<'_>, dues: &[Due], now: Timestamp) {
    let name = |list: Option<&ListId>| list.map_or("", |list| list.as_str()).to_owned();
    let mut series = page.family(&DUE);
    for ((kind, list), due) in soonest(dues) {
        series.sample(&[kind.as_str(), &name(list), &due.subject.key()], due.at.unix());
    }
    let mut series = page.family(&DUES);
    for ((kind, list, urgency), number) in count(dues, now) {
        series.sample(&[kind.as_str(), &name(list), urgency.as_str()], number);
    }
}
