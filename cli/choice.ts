import { AppError } from '../shared/errors.ts';

/** The value when it is one of the choices. @throws AppError invalidValue naming option and choices */
export function choiceOf<T extends string>(choices: readonly T[], value: string, option: string): T {
  const known = choices.find((choice) => choice === value);
  if (known !== undefined) return known;
  throw new AppError('invalidValue', `${option}: "${value}" is none of ${choices.join(', ')}`, { field: option });
}
