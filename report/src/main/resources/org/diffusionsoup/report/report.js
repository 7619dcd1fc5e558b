
(function () {
  var zoom = document.getElementById("zoom");
  if (!zoom || !zoom.showModal) { return; }
  var big = zoom.querySelector("img");
  var words = zoom.querySelector("p");
  function show(picture) {
    big.src = picture.src;
    big.alt = picture.alt;
    words.textContent = picture.alt;
    zoom.showModal();
  }
  document.querySelectorAll(".pictures img").forEach(function (picture) {
    picture.tabIndex = 0;
    picture.setAttribute("role", "button");
    picture.addEventListener("click", function () { show(picture); });
    picture.addEventListener("keydown", function (e) { if (e.key === "Enter") { show(picture); } });
  });
  zoom.addEventListener("click", function () { zoom.close(); });
})();
