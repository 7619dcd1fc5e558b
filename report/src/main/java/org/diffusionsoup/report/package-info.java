/**
 * Building blocks of a self-contained HTML report: one file, no external resources, readable
 * without JavaScript, in light and dark, on paper too.
 *
 * <p>Start at {@link org.diffusionsoup.report.HtmlReport}.
 */
@NullMarked
package org.diffusionsoup.report;

import org.jspecify.annotations.NullMarked;
