//! What each kind of sink does of its own.

mod josev;
