/** What the omnibox loads when it is used first. */
import "../styles/omnibox.css";

export { Finder } from "./finder.ts";
export { FinderList, findId } from "./finder-list.tsx";
