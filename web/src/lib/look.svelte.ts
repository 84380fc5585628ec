// Theme and contrast of the site. A choice of the person in front of it, not of the page: so it is kept in the browser, not in the
// URL. app.html sets it again before the first paint.

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'dria-bench.look';

class Look {
  theme = $state<Theme>('system');
  moreContrast = $state(false);

  /** Takes over what app.html found. */
  read(): void {
    const { theme, contrast } = document.documentElement.dataset;
    this.theme = theme === 'light' || theme === 'dark' ? theme : 'system';
    this.moreContrast = contrast === 'more';
  }

  set(theme: Theme, moreContrast: boolean): void {
    [this.theme, this.moreContrast] = [theme, moreContrast];
    const root = document.documentElement;
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
    if (moreContrast) root.dataset.contrast = 'more';
    else delete root.dataset.contrast;
    try {
      localStorage.setItem(KEY, JSON.stringify({ theme, contrast: moreContrast ? 'more' : undefined }));
    } catch {
      // Storage is off: the choice holds until the page is left.
    }
  }
}

export const look = new Look();
