//! Which operators a charger says that it supports, and whether all of them are named.

use ctl_core::names::MoId;

use crate::identifier::mo_id;

/// The value-added service has room for so many identifiers (the proposal): a list that is as long may be cut.
const MOST_BY_SERVICE: usize = 255;
/// `SupportedProviders` of ISO 15118-20 has room for so many names.
const MOST_BY_PROVIDERS: usize = 128;
/// No text is read further than that.
const MAX_TEXT: usize = 64 * 1024;

/// What a charger supports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    identifiers: Vec<MoId>,
    /// Why who is not named may be supported all the same; none if nobody else is.
    incomplete: Option<&'static str>,
}

impl Offer {
    /// Exactly these.
    #[must_use]
    pub fn of(identifiers: impl IntoIterator<Item = MoId>) -> Self {
        Self { identifiers: identifiers.into_iter().collect(), incomplete: None }
    }

    /// From the parameters of service 64: identifiers one by one, or several in a text with commas between them.
    #[must_use]
    pub fn of_service<'t>(parameters: impl IntoIterator<Item = &'t str>) -> Self {
        Self::read(parameters, MOST_BY_SERVICE)
    }

    /// From `SupportedProviders` of ISO 15118-20, which says of a ProviderID only that it is a name.
    #[must_use]
    pub fn of_providers<'t>(names: impl IntoIterator<Item = &'t str>) -> Self {
        Self::read(names, MOST_BY_PROVIDERS)
    }

    fn read<'t>(texts: impl IntoIterator<Item = &'t str>, most: usize) -> Self {
        let mut offer = Self::default();
        let (mut count, mut length) = (0_usize, 0_usize);
        for text in texts {
            length = length.saturating_add(text.len());
            if length > MAX_TEXT {
                offer.incomplete = Some("it is longer than what is read");
                break;
            }
            for name in text.split(',').filter(|name| !name.trim().is_empty()) {
                count = count.saturating_add(1);
                match mo_id(name) {
                    Ok(id) if offer.identifiers.contains(&id) => {}
                    Ok(id) => offer.identifiers.push(id),
                    Err(_) => offer.incomplete = Some("it has names that are no MO identifiers"),
                }
            }
        }
        if count >= most {
            offer.incomplete = Some("it is as long as it can be, so that others may not have fitted in");
        }
        offer
    }

    /// Whether an operator is named.
    #[must_use]
    pub fn names(&self, id: &MoId) -> bool {
        self.identifiers.contains(id)
    }

    /// Whether nobody is named.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.identifiers.is_empty()
    }

    /// Why who is not named may be supported all the same; none if nobody else is.
    #[must_use]
    pub const fn incomplete(&self) -> Option<&'static str> {
        self.incomplete
    }
}
