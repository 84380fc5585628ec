// A mid-range phone, and what is noted in its pages. The profile is that of Chrome's developer tools under the names "Fast 4G" and
// "mid-tier mobile": 9 Mbit/s down and 1.5 up with 60 ms there and back, of which they take 0.9 and 2.75 times, since requests
// also set up connections and lose packets. Every request therefore waits 165 ms before it is answered.
export const PROFILE = 'Fast 4G (8.1 Mbit/s, 165 ms a request), processor 4 times slower, 390 × 844';

const NETWORK = {
  offline: false,
  latency: 60 * 2.75,
  downloadThroughput: ((9 * 1000 * 1000) / 8) * 0.9,
  uploadThroughput: ((1.5 * 1000 * 1000) / 8) * 0.9,
};
const SLOWER = 4;

/** A phone that has never been here. Returns its page, what came over the network so far, and how to put it away. */
export async function newPhone(browser) {
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', NETWORK);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  const traffic = { requests: 0, bytes: 0, scriptBytes: 0 };
  const scripts = new Set();
  devtools.on('Network.responseReceived', ({ requestId, response }) => {
    traffic.requests += 1;
    if (response.url.endsWith('.js')) scripts.add(requestId);
  });
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    traffic.bytes += encodedDataLength;
    if (scripts.has(requestId)) traffic.scriptBytes += encodedDataLength;
  });
  await page.addInitScript(probe);
  return { page, traffic, close: () => context.close() };
}

/** Runs in the page before its own scripts: `window.speed`. */
function probe() {
  const entries = (type, options = {}) => {
    const kept = [];
    new PerformanceObserver((list) => kept.push(...list.getEntries())).observe({ type, buffered: true, ...options });
    return kept;
  };
  const tasks = entries('longtask');
  const largest = entries('largest-contentful-paint');
  const events = entries('event', { durationThreshold: 16 });
  const rows = () => document.querySelectorAll('[aria-label="Runs with their figures at full load"] tbody tr');

  /** When what holds was painted, ms on the page's clock. */
  const painted = (holds) =>
    new Promise((resolve) => {
      // The frame is painted when the next task runs.
      const say = () => requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
      if (holds()) return say();
      const look = new MutationObserver(() => {
        if (!holds()) return;
        look.disconnect();
        say();
      });
      look.observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
    });

  const shown = () => [...rows()].map((row) => row.textContent).join('\n');
  const navigation = () => /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('navigation'));
  const resources = () => /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('resource'));

  window.speed = {
    changed: new Promise(() => {}),
    rows: painted(() => rows().length > 0),
    proposals: painted(() => document.querySelector('[role=listbox] [role=option]') !== null),
    count: () => rows().length,
    loaded: () => ({
      tasks: tasks.map(({ startTime, duration }) => ({ startTime, duration })),
      largestMs: largest.at(-1)?.startTime ?? 0,
      firstPaintMs: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
      documentMs: navigation()[0]?.responseEnd ?? 0,
      requests: resources().map(({ name, startTime, responseEnd }) => ({ name, startTime, responseEnd })),
    }),
    /** Notes what comes of the next input: `changed` is resolved when the rows differ. */
    watch() {
      const before = shown();
      let from = 0;
      const begin = (event) => (from ||= event.timeStamp);
      for (const kind of ['keydown', 'pointerdown', 'click']) addEventListener(kind, begin, { capture: true, once: true });
      const [firstTask, firstEvent] = [tasks.length, events.length];
      let [last, worstFrameMs, over] = [performance.now(), 0, false];
      requestAnimationFrame(function frame(now) {
        worstFrameMs = Math.max(worstFrameMs, now - last);
        last = now;
        if (!over) requestAnimationFrame(frame);
      });
      this.changed = painted(() => from > 0 && shown() !== before).then(async (at) => {
        // Entries of what was slow come a little after it.
        await new Promise((resolve) => setTimeout(resolve, 300));
        over = true;
        return {
          ms: at - from,
          worstFrameMs,
          longestTaskMs: Math.max(0, ...tasks.slice(firstTask).map(({ duration }) => duration)),
          respondedMs: Math.max(0, ...events.slice(firstEvent).map(({ duration }) => duration)),
        };
      });
    },
  };
}
