//! visualisation
