use std::ops::ControlFlow;

/// Calls `consume` for every item, until it returns [`ControlFlow::Break`] or an error, while another
/// thread computes the next item.
///
/// Batches are assembled in that thread during a training step. On WebAssembly, which has no threads,
/// the items are computed in turn.
pub(crate) fn prefetched<T: Send, E>(
    items: impl Iterator<Item = T> + Send,
    mut consume: impl FnMut(T) -> Result<ControlFlow<()>, E>,
) -> Result<ControlFlow<()>, E> {
    let mut each = |items: &mut dyn Iterator<Item = T>| {
        for item in items {
            if consume(item)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    if cfg!(target_family = "wasm") {
        let mut items = items;
        return each(&mut items);
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        scope.spawn(move || {
            for item in items {
                // The receiver was dropped: `consume` stopped early.
                if sender.send(item).is_err() {
                    return;
                }
            }
        });
        each(&mut receiver.into_iter())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_consumed_once_and_in_order() {
        let mut met = Vec::new();
        let end = prefetched(0..1000, |item| {
            met.push(item);
            Ok::<_, ()>(ControlFlow::Continue(()))
        });
        assert_eq!(end, Ok(ControlFlow::Continue(())));
        assert_eq!(met, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn break_and_error_stop_an_infinite_iterator() {
        let mut met = 0;
        let end = prefetched(0.., |item| {
            met += 1;
            Ok::<_, ()>(if item < 4 {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        });
        assert_eq!((end, met), (Ok(ControlFlow::Break(())), 5));
        assert_eq!(prefetched(0.., Err), Err(0));
    }
}
