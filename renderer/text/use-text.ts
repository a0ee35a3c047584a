import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { type Format, formatOf } from './format.ts';
import { type Language, toLanguage } from './languages.ts';

export interface Text {
  readonly t: TFunction;
  readonly format: Format;
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
}

/** Words, numbers and times in the language that is chosen now. */
export function useText(): Text {
  const { t, i18n } = useTranslation();
  const language = toLanguage(i18n.language) ?? 'en';
  return { t, language, format: formatOf(language), setLanguage: (next) => void i18n.changeLanguage(next) };
}
