/// What an update does to a value that may be empty. A value that may not be is an `Option`: it can't be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// Leave it as it is: the client did not send it.
    #[default]
    Keep,
    /// Replace it.
    Set(T),
    /// Empty it: the client sent null.
    Clear,
}
