/** Orders for an example's frontend: some in a row, most at once; some refused, some failing. */

/** Of ten orders one is for what is not in stock, and one makes the frontend call where nobody listens. */
const ITEMS = [
  "apples",
  "apples",
  "apples",
  "pears",
  "apples",
  "apples",
  "apples",
  "nowhere",
  "apples",
  "apples",
];
const STATUS = { apples: 200, pears: 404, nowhere: 502 };
/** Orders on their way at once. */
const LANES = 16;
/** So many go one after the other first. */
const IN_A_ROW = 20;

/**
 * @param url of the frontend
 * @returns {Promise<Record<string, number>>} how many orders there were of each item
 */
export async function placeOrders(url, count) {
  const placed = { apples: 0, pears: 0, nowhere: 0 };
  let next = 0;
  const placeUntil = async (end) => {
    while (next < end) {
      const item = ITEMS[next % ITEMS.length];
      next += 1;
      placed[item] += 1;
      const answer = await fetch(`${url}/orders/${item}`, { method: "POST" });
      const body = await answer.text();
      if (answer.status !== STATUS[item]) {
        throw new Error(`an order of ${item} was answered ${answer.status}: ${body}`);
      }
    }
  };
  await placeUntil(Math.min(IN_A_ROW, count));
  await Promise.all(Array.from({ length: LANES }, () => placeUntil(count)));
  return placed;
}
