import { createInstance, type i18n } from 'i18next';
import { initReactI18next } from 'react-i18next';
import en from '../../assets/locales/en.json' with { type: 'json' };
import ru from '../../assets/locales/ru.json' with { type: 'json' };
import zh from '../../assets/locales/zh.json' with { type: 'json' };
import { type Language, toLanguage } from './languages.ts';

const storageKey = 'holdfast.language';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof en };
  }
}

/** The language chosen before, else the browser's first that we have, else English. */
export function initialLanguage(): Language {
  const kept = toLanguage(window.localStorage.getItem(storageKey));
  return kept ?? navigator.languages.map(toLanguage).find((one) => one !== undefined) ?? 'en';
}

/** The texts, ready to use. A key that is missing does not compile. */
export function createTexts(language: Language): i18n {
  const texts = createInstance();
  void texts.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    resources: { en: { translation: en }, ru: { translation: ru }, zh: { translation: zh } },
    interpolation: { escapeValue: false },
    returnNull: false,
    initAsync: false,
  });
  const announce = (now: string) => {
    document.documentElement.lang = now;
  };
  announce(language);
  texts.on('languageChanged', (now) => {
    announce(now);
    window.localStorage.setItem(storageKey, now);
  });
  return texts;
}
