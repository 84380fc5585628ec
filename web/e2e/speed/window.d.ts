// What `phone.mjs` notes in a page.

/** Times are ms on the page's clock. */
interface Speed {
  /** When the first rows were painted. */
  rows: Promise<number>;
  /** When something was proposed for what is typed. */
  proposals: Promise<number>;
  /** Rows in the page. */
  count(): number;
  loaded(): {
    tasks: { startTime: number; duration: number }[];
    largestMs: number;
    firstPaintMs: number;
    documentMs: number;
    requests: { name: string; startTime: number; responseEnd: number }[];
  };
  /** Begins to wait for other rows after the next input. */
  watch(): void;
  /** What came of that input. */
  changed: Promise<{ ms: number; worstFrameMs: number; longestTaskMs: number; respondedMs: number }>;
}

interface Window {
  speed: Speed;
}
