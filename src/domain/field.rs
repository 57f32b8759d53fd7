/// A change to a value that may be empty. A value that must not be empty is an `Option` instead, because it cannot be
/// cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// Leave the value unchanged: the client did not send it.
    #[default]
    Keep,
    /// Replace the value.
    Set(T),
    /// Clear the value: the client sent null.
    Clear,
}
