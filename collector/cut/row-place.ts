/** What a row of `ColumnRows.place` (column-shapes.ts) puts in place of a value. */
export const RowPlace: { readonly absent: -1; readonly number: -2 } = { absent: -1, number: -2 };
