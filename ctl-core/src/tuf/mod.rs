//! The Update Framework: metadata, verification, client workflow.
