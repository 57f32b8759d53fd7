// Quantiles of measurements.

const sorted = (values) => [...values].sort((a, b) => a - b);

/** Returns NaN if there are no values. */
export const quantile = (values, q) =>
  sorted(values)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

export const median = (values) => quantile(values, 0.5);
