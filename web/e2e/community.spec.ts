// Votes and comments on a result: everybody reads, people who signed in write, and what they write is shown as text.
import { expect, test } from '@playwright/test';
import { measuredRuns, signInAs } from './steps';

test('a stranger reads, and is told how to take part', async ({ page }) => {
  const [id] = await measuredRuns(page, 1);
  await page.goto(`/results/${id}`);
  await expect(page.getByRole('heading', { name: /^Comments$|comments?$/ })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Sign in with GitHub' })).toHaveAttribute('href', `/sign-in?return_to=%2Fresults%2F${id}`);
});

test('a vote counts at once, once, and can be taken back', async ({ page }) => {
  const [id] = await measuredRuns(page, 1);
  await signInAs(page, 'grace', `/results/${id}`);
  const vote = page.getByRole('button', { name: /^Upvote/ });
  if ((await vote.getAttribute('aria-pressed')) === 'true') await vote.click();
  await expect(vote).toHaveAttribute('aria-pressed', 'false');
  const before = Number(/\d+/.exec(await vote.innerText())![0]);
  await vote.click();
  await expect(vote).toHaveText(`Upvoted ${before + 1}`);
  await expect(vote).toBeEnabled();
  await page.reload();
  await expect(vote).toHaveText(`Upvoted ${before + 1}`);
  await vote.click();
  await expect(vote).toHaveText(`Upvote ${before}`);
});

test('a comment is posted, answered, liked, changed and deleted', async ({ page }) => {
  const [id] = await measuredRuns(page, 1);
  await signInAs(page, 'grace', `/results/${id}`);
  const said = `The **clock** was steady ${Date.now()}`;
  await page.getByLabel('Your comment').fill(said);
  await page.getByRole('button', { name: 'Post' }).click();
  const mine = page.getByRole('article', { name: 'Comment of grace' }).filter({ hasText: said.replaceAll('**', '') }).first();
  await expect(mine.locator('strong').filter({ hasText: 'clock' })).toBeVisible();
  await expect(page.getByLabel('Your comment')).toHaveValue('');

  const like = mine.getByRole('button', { name: /like this comment/ });
  await like.click();
  await expect(like).toHaveAttribute('aria-pressed', 'true');

  await mine.getByRole('button', { name: 'Answer' }).click();
  await mine.getByLabel('Answer to grace').fill('And the load, too');
  await mine.getByRole('button', { name: 'Answer' }).last().click();
  await expect(mine.getByRole('article').filter({ hasText: 'And the load, too' })).toBeVisible();

  await mine.getByRole('button', { name: 'Change' }).first().click();
  await page.getByLabel('Change your comment').fill(`${said}, mostly`);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText(', mostly')).toBeVisible();

  await mine.getByRole('button', { name: 'Delete' }).first().click();
  await page.getByRole('dialog', { name: 'Delete this comment?' }).filter({ hasText: 'so do the replies' }).getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText(', mostly')).toHaveCount(0);
});

test('markup in a comment is shown, and runs nothing', async ({ page }) => {
  const [id] = await measuredRuns(page, 1);
  await signInAs(page, 'ada', `/results/${id}`);
  await page.getByLabel('Your comment').fill('<img src=x onerror="document.title=1"> is what I typed');
  await page.getByRole('button', { name: 'Post' }).click();
  const mine = page.getByRole('article').filter({ hasText: '<img src=x onerror="document.title=1"> is what I typed' });
  await expect(mine).toBeVisible();
  await expect(mine.locator('img')).toHaveCount(0);
  await mine.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(mine).toHaveCount(0);
});

test('a comment that rules refuse says why, and stays to be changed', async ({ page }) => {
  const [id] = await measuredRuns(page, 1);
  await signInAs(page, 'ada', `/results/${id}`);
  const links = Array.from({ length: 7 }, (_, at) => `https://example.com/${at}`).join(' ');
  await page.getByLabel('Your comment').fill(links);
  await page.getByRole('button', { name: 'Post' }).click();
  await expect(page.getByRole('alert')).toContainText('Change the words, then post again.');
  await expect(page.getByLabel('Your comment')).toHaveValue(links);
});

test('the assistant of a result is there, and asks about that result', async ({ page }) => {
  const [id] = await measuredRuns(page, 1);
  await signInAs(page, 'ada', `/results/${id}`);
  await page.getByText('Open the assistant').click();
  await expect(page.getByRole('heading', { name: 'Ask about this run' })).toBeVisible();
  await page.getByLabel('Your question').fill('Is this run fast?');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('paragraph').filter({ hasText: 'The fastest run makes' })).toBeVisible();
});
