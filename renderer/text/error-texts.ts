import en from '../../assets/locales/errors.en.json' with { type: 'json' };
import ru from '../../assets/locales/errors.ru.json' with { type: 'json' };
import zh from '../../assets/locales/errors.zh.json' with { type: 'json' };
import type { ErrorCode } from '../../shared/errors.ts';
import type { Language } from './languages.ts';

export interface ErrorText {
  readonly cause: string;
  readonly action: string;
}

// A code without cause and action in one of the languages does not compile (DESIGN §4).
const byLanguage: Record<Language, Record<ErrorCode, ErrorText>> = { en, ru, zh };

/** Likely cause and what to do, by code. */
export function errorText(language: Language, code: ErrorCode): ErrorText {
  return byLanguage[language][code];
}
