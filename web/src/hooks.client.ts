// What becomes of an error that a page's load didn't expect: the API's problem as the error page shows it.
import type { HandleClientError } from '@sveltejs/kit';
import { ProblemError } from '$lib/api/problem';

export const handleError: HandleClientError = ({ error, message }) => {
  if (error instanceof ProblemError) return { message: error.problem.title, problem: error.problem };
  return { message };
};
