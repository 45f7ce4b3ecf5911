//! End-to-end suite of shockbrief.
