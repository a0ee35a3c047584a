import type { ReactNode } from 'react';
import { BrandMark } from '../../components/brand-mark.tsx';
import { LookMenus } from '../frame/look-menus.tsx';
import { PublicStrip } from './public-strip.tsx';

/** What stands around the way in: nothing but the brand, language, theme, and the state of the line. */
export function WayIn({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="si">
      <header className="hd">
        <span className="brand">
          <BrandMark />
          Holdfast
        </span>
        <span className="sp" />
        <LookMenus />
      </header>
      <main>
        <div className="bx">
          <h1>{title}</h1>
          {children}
        </div>
      </main>
      <PublicStrip />
    </div>
  );
}
