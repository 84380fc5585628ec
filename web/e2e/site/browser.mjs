// The system's Chromium, as tests and pictures start it: it asks nothing of any other host.
export const LAUNCH = {
  executablePath: process.env.DRIA_BENCH_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
};
