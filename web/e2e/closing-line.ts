// Ends the output with `e2e: N passed, N failed`, and fails where nothing ran: a filter that meets no spec proves nothing.
import type { FullResult, Reporter, Suite } from '@playwright/test/reporter';

export default class ClosingLine implements Reporter {
  private all: Suite | undefined;

  onBegin(_: unknown, suite: Suite): void {
    this.all = suite;
  }

  async onEnd(result: FullResult): Promise<{ status: FullResult['status'] } | undefined> {
    const outcomes = (this.all?.allTests() ?? []).map((test) => (test.results.length === 0 ? 'not run' : test.outcome()));
    const passed = outcomes.filter((outcome) => outcome === 'expected' || outcome === 'flaky').length;
    const skipped = outcomes.filter((outcome) => outcome === 'skipped').length;
    const failed = outcomes.length - passed - skipped;
    // Whatever else broke, such as the site's start, counts as a failure.
    const broken = result.status !== 'passed' || passed === 0;
    this.line = `e2e: ${passed} passed, ${broken ? Math.max(1, failed) : failed} failed`;
    return broken ? { status: 'failed' } : undefined;
  }

  private line = 'e2e: 0 passed, 1 failed';

  /** After every other reporter, so that this is the last line. */
  async onExit(): Promise<void> {
    console.log(this.line);
  }

  printsToStdio(): boolean {
    return false;
  }
}
