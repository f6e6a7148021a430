// The transcript in step with the audio: the turn and the word that are heard, a click on a word that seeks.

export class Transcript {
  constructor(root, { seek }) {
    this.root = root;
    this.turns = [...root.querySelectorAll(".turn")];
    this.starts = this.turns.map((turn) => Number(turn.dataset.s));
    this.ends = this.turns.map((turn) => Number(turn.dataset.e));
    this.now = null;
    this.word = null;
    this.following = true;
    root.addEventListener("click", (event) => {
      if (event.target.closest("a.no")) return;
      const word = event.target.closest("[data-t]");
      const at = event.target.closest("a.at");
      if (word) seek(Number(word.dataset.t));
      else if (at && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        seek(Number(at.closest(".turn").dataset.s));
      }
    });
  }

  /** Shows what is heard at this time. Scrolls only while following, and only when the turn is out of sight. */
  at(seconds, { playing }) {
    const turn = this.turns[this.#turnAt(seconds)] ?? null;
    if (turn !== this.now) {
      this.now?.classList.remove("now");
      turn?.classList.add("now");
      this.now = turn;
      if (turn && playing && this.following) this.reveal(turn);
    }
    const word = turn && this.#wordAt(turn, seconds);
    if (word !== this.word) {
      this.word?.classList.remove("spoken");
      word?.classList.add("spoken");
      this.word = word;
    }
  }

  /** Brings a turn into sight, a third from the top, if the transcript has its own scroll; never moves the whole page. */
  reveal(turn) {
    const box = this.root.getBoundingClientRect();
    const line = turn.getBoundingClientRect();
    if (this.root.scrollHeight <= this.root.clientHeight) return;
    if (line.top < box.top + 8 || line.bottom > box.top + box.height * 0.75) {
      this.root.scrollTop += line.top - box.top - box.height / 3;
    }
  }

  #turnAt(seconds) {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= seconds) low = middle + 1;
      else high = middle;
    }
    const last = low - 1;
    // Where two talk, the one who began first may still be speaking after the other has finished.
    if (last > 0 && this.ends[last] < seconds && this.ends[last - 1] >= seconds) return last - 1;
    return last;
  }

  #wordAt(turn, seconds) {
    if (seconds > Number(turn.dataset.e)) return null;
    let found = null;
    for (const word of turn.querySelectorAll("[data-t]")) {
      if (Number(word.dataset.t) > seconds) break;
      found = word;
    }
    return found;
  }
}
