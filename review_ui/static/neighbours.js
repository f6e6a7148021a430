// The calls of the list that a reader came from, so that n and p go through them without going back.

const KEY = "forbear.list";

/** Keeps the list that the reader leaves: its calls in their order, and its address. */
export function remember(ids, href) {
  sessionStorage.setItem(KEY, JSON.stringify({ ids, href }));
}

function remembered() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "null") ?? { ids: [], href: "/" };
}

/** The address of the list that the reader came from. */
export const listAddress = () => remembered().href;

/** The calls before and after this one in the list the reader came from; the queue itself where they came from elsewhere. */
export async function neighbours(id) {
  let { ids } = remembered();
  if (!ids.includes(id)) {
    const page = await fetch("/", { headers: { Accept: "text/html" } });
    if (!page.ok) return {};
    const queue = new DOMParser().parseFromString(await page.text(), "text/html");
    ids = [...queue.querySelectorAll("#rows [data-call]")].map((row) => row.dataset.call);
  }
  const here = ids.indexOf(id);
  return here < 0 ? { next: ids[0] } : { previous: ids[here - 1], next: ids[here + 1] };
}
