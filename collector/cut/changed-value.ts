/** What a change says, out of columns. Hot: bench `cut`. */
import { type EventColumns, type Value, ValueTag } from "../../agent/kernel/index.ts";

/** The value that row `i` sets, or the member that it adds or removes; of one that says none null. */
export function changedValue({ valueTag, valueNumber, values }: EventColumns, i: number): Value {
  switch (valueTag[i]) {
    case ValueTag.number:
      return valueNumber[i] as number;
    case ValueTag.false:
      return false;
    case ValueTag.true:
      return true;
    case ValueTag.null:
    case ValueTag.none:
      return null;
    default:
      return values[valueNumber[i] as number] as Value;
  }
}
