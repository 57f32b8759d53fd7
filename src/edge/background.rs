use std::pin::Pin;
use worker::Context;

/// Runs work in the background after the reply, for as long as the platform allows: 30 seconds.
pub fn run_in_background(context: &Context, work: impl Future<Output = ()> + 'static) {
    // Boxed, so that the code that polls it is compiled once and not for each kind of work.
    let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
    context.wait_until(work);
}
