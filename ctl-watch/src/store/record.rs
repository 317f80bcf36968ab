//! One probe as the store keeps it, and how many of them are packed.

use std::collections::BTreeMap;

use ctl_policy::sla::Counts;

use super::super::code::Code;
use super::super::observation::Observation;
use super::super::verdict::Verdict;
use super::error::StoreError;
use super::pack::{Packer, Unpacker};

/// What became of a probe, for the service level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A good answer.
    Good,
    /// A bad answer, or none.
    Bad,
    /// During announced maintenance.
    Excused,
}

/// One probe, as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The target's number in this store.
    pub number: u32,
    /// When it began, in Unix milliseconds.
    pub at_ms: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether an answer came.
    pub answered: bool,
    /// Whether the answer was of now.
    pub fresh: bool,
    /// Whether the answer was right in everything else.
    pub correct: bool,
    /// How long the answer took.
    pub duration_ms: Option<u64>,
    /// What was found.
    pub codes: Vec<Code>,
}

impl Record {
    /// The record of an observation that counts so.
    #[must_use]
    pub fn of(number: u32, observation: &Observation, verdict: &Verdict) -> Self {
        let Verdict { outcome, answered, fresh, correct, .. } = *verdict;
        let took = observation.duration();
        Self {
            number,
            at_ms: observation.at_ms,
            outcome,
            answered,
            fresh,
            correct,
            duration_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            codes: observation.codes().into_iter().collect(),
        }
    }

    /// Counts the probe.
    pub fn count(&self, counts: &mut Counts) {
        let sum = match self.outcome {
            Outcome::Good => &mut counts.good,
            Outcome::Bad => &mut counts.bad,
            Outcome::Excused => &mut counts.excused,
        };
        *sum = sum.saturating_add(1);
        for code in &self.codes {
            let reason = counts.reasons.entry(code.as_str().to_owned()).or_default();
            *reason = reason.saturating_add(1);
        }
        if self.outcome == Outcome::Excused {
            return;
        }
        for (sum, holds) in [
            (&mut counts.answered, self.answered),
            (&mut counts.fresh, self.answered && self.fresh),
            (&mut counts.correct, self.answered && self.correct),
        ] {
            *sum = sum.saturating_add(u64::from(holds));
        }
        if let Some(duration) = self.duration_ms.filter(|_| self.answered) {
            counts.latency_ms.add(duration);
        }
    }

    const fn flags(&self) -> u64 {
        let outcome = match self.outcome {
            Outcome::Good => 0,
            Outcome::Bad => 1,
            Outcome::Excused => 2,
        };
        outcome | (self.answered as u64) << 2 | (self.fresh as u64) << 3 | (self.correct as u64) << 4
    }
}

/// Packs records, column by column: those of one target lie beside each other.
pub(super) fn pack(base_ms: i64, records: &[Record]) -> Result<Vec<u8>, StoreError> {
    let mut records: Vec<&Record> = records.iter().collect();
    records.sort_by_key(|record| (record.number, record.at_ms));
    let mut labels: Vec<Code> = records.iter().flat_map(|record| &record.codes).copied().collect();
    labels.sort_unstable();
    labels.dedup();
    let mut packer = Packer::default();
    packer.signed(base_ms);
    packer.number(labels.len() as u64);
    labels.iter().for_each(|label| packer.text(label.as_str()));
    packer.number(records.len() as u64);
    let mut last = 0;
    for record in &records {
        packer.number(u64::from(record.number.saturating_sub(last)));
        last = record.number;
    }
    records.iter().for_each(|record| packer.signed(record.at_ms.saturating_sub(base_ms)));
    records.iter().for_each(|record| packer.number(record.flags()));
    let duration = |record: &&Record| record.duration_ms.map_or(0, |duration| duration.saturating_add(1));
    records.iter().for_each(|record| packer.number(duration(record)));
    for record in &records {
        packer.number(record.codes.len() as u64);
        for code in &record.codes {
            packer.number(labels.binary_search(code).unwrap_or_default() as u64);
        }
    }
    packer.finish()
}

/// Unpacks records. Codes that this release does not know any more are left out.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<Record>, StoreError> {
    let mut from = Unpacker::new(packed)?;
    let base_ms = from.signed()?;
    let labels = (0..from.count()?).map(|_| from.text()).collect::<Result<Vec<_>, _>>()?;
    let labels: Vec<Option<Code>> = labels.iter().map(|label| Code::from_label(label)).collect();
    let count = from.count()?;
    let column = |from: &mut Unpacker| (0..count).map(|_| from.number()).collect::<Result<Vec<_>, _>>();
    let numbers = column(&mut from)?;
    let times = (0..count).map(|_| from.signed()).collect::<Result<Vec<_>, _>>()?;
    let flags = column(&mut from)?;
    let durations = column(&mut from)?;
    let mut number = 0_u32;
    let mut records = Vec::with_capacity(count);
    for (((delta, at), flags), duration) in numbers.into_iter().zip(times).zip(flags).zip(durations) {
        number = number.saturating_add(u32::try_from(delta).unwrap_or(u32::MAX));
        let mut codes = Vec::new();
        for _ in 0..from.count()? {
            let label = usize::try_from(from.number()?).ok().and_then(|index| labels.get(index));
            codes.extend(label.ok_or_else(|| StoreError::damaged("a record names no label"))?);
        }
        records.push(Record {
            number,
            at_ms: base_ms.saturating_add(at),
            outcome: match flags & 3 {
                0 => Outcome::Good,
                1 => Outcome::Bad,
                _ => Outcome::Excused,
            },
            answered: flags & 4 != 0,
            fresh: flags & 8 != 0,
            correct: flags & 16 != 0,
            duration_ms: duration.checked_sub(1),
            codes,
        });
    }
    Ok(records)
}

/// Packs what was counted of targets in an hour.
pub(super) fn pack_counts(counted: &[(u32, &Counts)]) -> Result<Vec<u8>, StoreError> {
    let mut labels: Vec<&str> =
        counted.iter().flat_map(|(_, counts)| counts.reasons.keys()).map(String::as_str).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut packer = Packer::default();
    packer.number(labels.len() as u64);
    labels.iter().for_each(|label| packer.text(label));
    packer.number(counted.len() as u64);
    counted.iter().for_each(|(number, _)| packer.number(u64::from(*number)));
    let columns: [fn(&Counts) -> u64; 7] =
        [|c| c.good, |c| c.bad, |c| c.excused, |c| c.missing, |c| c.answered, |c| c.fresh, |c| c.correct];
    for column in columns {
        counted.iter().for_each(|(_, counts)| packer.number(column(counts)));
    }
    for class in 0..Counts::default().latency_ms.0.len() {
        for (_, counts) in counted {
            packer.number(counts.latency_ms.0.get(class).copied().unwrap_or_default());
        }
    }
    for (_, counts) in counted {
        packer.number(counts.reasons.len() as u64);
        for (reason, count) in &counts.reasons {
            packer.number(labels.binary_search(&reason.as_str()).unwrap_or_default() as u64);
            packer.number(*count);
        }
    }
    packer.finish()
}

/// Unpacks what was counted.
pub(super) fn unpack_counts(packed: &[u8]) -> Result<Vec<(u32, Counts)>, StoreError> {
    let mut from = Unpacker::new(packed)?;
    let labels = (0..from.count()?).map(|_| from.text()).collect::<Result<Vec<_>, _>>()?;
    let mut counted = Vec::new();
    for _ in 0..from.count()? {
        let number = u32::try_from(from.number()?).map_err(StoreError::damaged)?;
        counted.push((number, Counts::default()));
    }
    let columns: [fn(&mut Counts) -> &mut u64; 7] = [
        |c| &mut c.good,
        |c| &mut c.bad,
        |c| &mut c.excused,
        |c| &mut c.missing,
        |c| &mut c.answered,
        |c| &mut c.fresh,
        |c| &mut c.correct,
    ];
    for column in columns {
        for (_, counts) in &mut counted {
            *column(counts) = from.number()?;
        }
    }
    for class in 0..Counts::default().latency_ms.0.len() {
        for (_, counts) in &mut counted {
            let count = from.number()?;
            if let Some(sum) = counts.latency_ms.0.get_mut(class) {
                *sum = count;
            }
        }
    }
    for (_, counts) in &mut counted {
        let mut reasons = BTreeMap::new();
        for _ in 0..from.count()? {
            let label = usize::try_from(from.number()?).ok().and_then(|index| labels.get(index));
            let label = label.ok_or_else(|| StoreError::damaged("a roll-up names no label"))?;
            reasons.insert(label.clone(), from.number()?);
        }
        counts.reasons = reasons;
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn record()(
            number in 0_u32..50,
            at in 0_i64..60_000,
            outcome in 0..3,
            bits in any::<[bool; 3]>(),
            duration_ms in proptest::option::of(0_u64..20_000),
            codes in proptest::collection::btree_set(0..Code::ALL.len(), 0..4),
        ) -> Record {
            Record {
                number,
                at_ms: 1_795_291_980_000 + at,
                outcome: [Outcome::Good, Outcome::Bad, Outcome::Excused][outcome as usize],
                answered: bits[0],
                fresh: bits[1],
                correct: bits[2],
                duration_ms,
                codes: codes.into_iter().map(|index| Code::ALL[index]).collect(),
            }
        }
    }

    proptest! {
        #[test]
        fn records_and_their_counts_survive_packing(mut records in proptest::collection::vec(record(), 0..60)) {
            let packed = pack(1_795_291_980_000, &records).unwrap();
            records.sort_by_key(|record| (record.number, record.at_ms));
            let unpacked = unpack(&packed).unwrap();
            prop_assert_eq!(unpacked.len(), records.len());
            prop_assert!(unpacked.iter().all(|record| records.contains(record)));

            let mut counted: BTreeMap<u32, Counts> = BTreeMap::new();
            for record in &records {
                record.count(counted.entry(record.number).or_default());
            }
            let pairs: Vec<(u32, &Counts)> = counted.iter().map(|(number, counts)| (*number, counts)).collect();
            let unpacked = unpack_counts(&pack_counts(&pairs).unwrap()).unwrap();
            prop_assert_eq!(unpacked.into_iter().collect::<BTreeMap<_, _>>(), counted);
        }

        #[test]
        fn damaged_records_are_an_error_and_no_panic(octets in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..100) {
            let _ = unpack(&octets);
            let _ = unpack_counts(&octets);
            let record = Record {
                number: 1, at_ms: 5, outcome: Outcome::Bad, answered: false, fresh: true, correct: true,
                duration_ms: None, codes: vec![Code::TcpRefused],
            };
            let mut packed = pack(0, &[record.clone(), record]).unwrap();
            let length = packed.len();
            packed[at % length] ^= 0x55;
            let _ = unpack(&packed);
        }
    }

    #[test]
    fn ten_thousand_targets_every_half_minute_take_a_few_octets_each() {
        let records: Vec<Record> = (0..4000_u32)
            .map(|n| Record {
                number: n / 2,
                at_ms: i64::from(n.wrapping_mul(7919) % 60_000),
                outcome: Outcome::Good,
                answered: true,
                fresh: true,
                correct: true,
                duration_ms: Some(u64::from(n.wrapping_mul(104_729) % 200)),
                codes: Vec::new(),
            })
            .collect();
        let packed = pack(0, &records).unwrap();
        assert!(packed.len() < records.len() * 6, "{} octets for {}", packed.len(), records.len());
    }
}
