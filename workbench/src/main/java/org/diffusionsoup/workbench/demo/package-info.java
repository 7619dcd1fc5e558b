/** The whole road in one run: ingredients, soup, paragon, withdrawal, ensemble, report. */
@NullMarked
package org.diffusionsoup.workbench.demo;

import org.jspecify.annotations.NullMarked;
