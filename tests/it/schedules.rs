//! Schedules that fire.
