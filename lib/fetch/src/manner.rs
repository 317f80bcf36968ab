//! How a request is made where it is not the plain GET or POST whose answer is read to its end.

use hyper::Method;

/// How a request is made; by default as [`Fetch::fetch`](crate::Fetch::fetch) makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// The method; without one, POST if there is a body and GET if there is none.
    pub method: Option<Method>,
    /// A redirect is an answer like any other, and is not followed.
    pub stays: bool,
    /// The exchange ends with the head of the answer: of the body nothing is waited for, and none is kept.
    pub head_only: bool,
}
