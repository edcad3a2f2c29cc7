//! The present time for words such as `今天` and `4 分钟前`, which need no seconds.

use shared::time::{MINUTE, Ms};

use crate::{
    reactive::{Memo, memo},
    state::State,
};

/// Now, cut to the minute: what reads it is computed anew once a minute, not every second.
pub fn minute(state: State) -> Memo<Ms> {
    memo(move |_| {
        let now = state.now.get();
        Ms(now.0.div_euclid(MINUTE).saturating_mul(MINUTE))
    })
}
