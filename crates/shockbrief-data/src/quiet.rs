//! A crash of a reader on hostile bytes, caught: told as a refusal, never as a trace on the user's terminal.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many readings are under way; while one is, its crash is remembered in place of being printed.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
/// What the last crash said: it may come from a thread of the reader's own.
static SAID: Mutex<String> = Mutex::new(String::new());

/// What `work` gives, or what its crash said.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if UNDER_WAY.load(Ordering::SeqCst) == 0 {
                usual(info);
                return;
            }
            let payload = info.payload();
            let said = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let said = said.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
            *SAID.lock().unwrap_or_else(PoisonError::into_inner) = said;
        }));
    });
    UNDER_WAY.fetch_add(1, Ordering::SeqCst);
    let result = catch_unwind(AssertUnwindSafe(work));
    UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    result.map_err(|_| std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_a_sentence() {
        assert_eq!(caught(|| 7), Ok(7));
        let said = caught(|| {
            if std::env::args().count() > 0 {
                panic!("no {}", "such type")
            }
        });
        assert!(said.is_err_and(|said| said.contains("no such type")));
    }
}
