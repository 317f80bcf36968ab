//! The steps of the tour, in their order.

pub(crate) mod pkis;

pub(crate) mod keys;

pub(crate) mod founding;

pub(crate) mod watches;

pub(crate) mod webhooks;

pub(crate) mod board;

pub(crate) mod applications;

pub(crate) mod votes;

pub(crate) mod doubtful;

pub(crate) mod list;

pub(crate) mod registry;

pub(crate) mod notices;

pub(crate) mod device;

pub(crate) mod back_end;

pub(crate) mod emergency;

pub(crate) mod rotation;

pub(crate) mod watch;

pub(crate) mod field;

pub(crate) mod meeting;

pub(crate) mod audit;

pub(crate) mod farewell;
