/**
 * A list that is one stop of the Tab key: ↑ ↓ Home End walk from one of its buttons to the next. ← → are left to the
 * cut, and keys that are held with another to whoever wants them.
 */
export function walkFocus(event: KeyboardEvent, buttons: readonly HTMLElement[]): void {
  const at = buttons.indexOf(document.activeElement as HTMLElement);
  const last = buttons.length - 1;
  const to: Readonly<Record<string, number>> = {
    ArrowUp: Math.max(0, at - 1),
    ArrowDown: Math.min(last, at + 1),
    Home: 0,
    End: last,
  };
  const next = to[event.key];
  if (next === undefined || at === -1 || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  buttons[next]?.focus();
}
