// Sets theme and contrast that somebody chose before anything is painted. What was never chosen follows the system.
(() => {
  try {
    const { theme, contrast } = JSON.parse(localStorage.getItem('dria-bench.look') ?? '{}');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    if (contrast === 'more') document.documentElement.dataset.contrast = contrast;
  } catch {
    // Storage that is off or holds something else: the system decides.
  }
})();
