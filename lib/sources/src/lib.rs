//! Other people's lists, pools and stores of certificates: asked for, read, and compared with what they held before.
//!
//! [`read`] is pure and stands in `ctl-formats`: bytes become [`Contents`], recognised by what they are and not by their
//! name. A [`Source`] is where
//! such bytes stand, who may read them and who must have signed them; [`Source::read`] asks for them, page by page where a
//! pool has pages. What comes out is somebody's word and proves nothing, but for a signature that was verified; what cannot
//! be read whole is refused, so that something that is missing is missing at the source.
#![forbid(unsafe_code)]

mod access;
mod error;
mod folder;
mod pages;
mod source;
mod stores;
mod trusted;

pub use access::{Access, OAuth, TokenBody};
pub use ctl_formats::recognise::{
    Changes, Contents, Demand, Entry, Form, Format, Item, MAX_SIZE, Purpose, ReadError, Said, Set, Signature,
    SignedBy, changes, read,
};
pub use error::SourceError;
pub use pages::page_url;
pub use source::{Place, Source};
pub use trusted::Trusted;
