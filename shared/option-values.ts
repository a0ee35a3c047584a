import { AppError } from './errors.ts';

/** The value when it is one of the choices. @throws AppError invalidValue naming option and choices */
export function choiceOf<T extends string>(choices: readonly T[], value: string, option: string): T {
  const known = choices.find((choice) => choice === value);
  if (known !== undefined) return known;
  throw new AppError('invalidValue', `${option}: "${value}" is none of ${choices.join(', ')}`, { field: option });
}

/** "5%" → 5. @throws AppError invalidValue naming the option */
export function percentOf(text: string, option: string): number {
  const value = Number(/^(\d{1,3}(?:\.\d+)?)%?$/u.exec(text)?.[1]);
  if (value >= 0 && value <= 100) return value;
  throw new AppError('invalidValue', `${option}: "${text}" is no share; write for example 5%`, { field: option });
}
